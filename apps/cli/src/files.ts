import { randomBytes } from 'node:crypto'
import { access, mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { StateError } from 'nabla'

const beside = (path: string) => `${path}.${randomBytes(4).toString('hex')}.tmp`

/** Write a whole file or nothing: the old content stays until the new one is on the disk. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = beside(path)
  try {
    const file = await open(temporary, 'wx')
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(() => {})
    throw unwritable(path, error)
  }
}

/** Let `fill` write a new folder, then put it in the place of the old one. */
export async function replaceFolder(path: string, fill: (path: string) => Promise<void>): Promise<void> {
  const temporary = beside(path)
  try {
    await fill(temporary)
    await rm(`${path}.old`, { recursive: true, force: true })
    if (await exists(path)) await rename(path, `${path}.old`)
    await rename(temporary, path)
    await rm(`${path}.old`, { recursive: true, force: true })
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {})
    throw unwritable(path, error)
  }
}

/** Put back the old folder when the process ended between the two renames of `replaceFolder`. */
export async function restoreFolder(path: string): Promise<void> {
  if (!(await exists(path)) && (await exists(`${path}.old`))) await rename(`${path}.old`, path)
}

/** Take away what a process left half written that was killed. */
export async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (/\.[0-9a-f]{8}\.tmp$/.test(name)) await rm(join(folder, name), { recursive: true, force: true }).catch(() => {})
}

/** Prove before long work that a folder can be written, or made: the nearest that is there takes a file. */
export async function mustBeWritable(path: string): Promise<void> {
  let folder = resolve(path)
  while (!(await exists(folder))) folder = dirname(folder)
  const probe = beside(join(folder, 'probe'))
  try {
    await (await open(probe, 'wx')).close()
    await unlink(probe)
  } catch (error) {
    throw unwritable(path, error)
  }
}

/** Make a folder and those above it. */
export async function makeFolder(path: string): Promise<void> {
  await mustBeWritable(path) // where none can be made, as in /proc, Node would try for ever
  await mkdir(path, { recursive: true }).catch(error => {
    throw unwritable(path, error)
  })
}

export const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

export function unwritable(path: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  if (!/^E[A-Z]+$/.test(code ?? '')) return error
  return new StateError('cannot-write', `cannot write "${path}"`, {
    evidence: [['reason', message.replace(/,.*$/s, '')]],
    hint: 'check its rights and the free space, or name another place',
  })
}
