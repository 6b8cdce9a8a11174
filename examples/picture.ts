import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const folder = join(process.env.NABLA_RUNS ?? 'runs', 'examples')

/** Writes a picture under runs/examples and says where it is. */
export async function picture(name: string, svg: string | Promise<string>): Promise<void> {
  const path = join(folder, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, await svg)
  console.log(`picture: ${path}`)
}
