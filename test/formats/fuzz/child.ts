// Damages one format over and over, in a process of its own. See ../fuzz.test.ts.
import { writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { NablaError } from '../../../src/errors.ts'
import { type Edit, edited, edits } from './edits.ts'
import { formats } from './formats.ts'

const [, , name, runs, evidence] = process.argv
const most = { seconds: 1, bytes: 200 * 2 ** 20 }
const format = formats.find(other => other.name === name)!
const prototypes = [Object, Array, Function, String, Number, Map, Promise, Uint8Array].map(({ prototype }) => prototype)
const ownKeys = () => prototypes.map(prototype => Reflect.ownKeys(prototype).length)
const untouched = ownKeys()

const sound = await format.sample()
const expected = await format.read(sound.slice())
const before = { now: process.memoryUsage().rss, most: process.resourceUsage().maxRSS * 1024 }

/** Reads what may be damaged, within the limits; gives what was read, or nothing where it was refused. */
async function attempt(bytes: Uint8Array): Promise<{ value: unknown } | undefined> {
  writeFileSync(evidence, bytes)
  process.send?.('.')
  const start = process.cpuUsage()
  let result: { value: unknown } | undefined
  try {
    result = { value: await format.read(bytes.slice()) }
  } catch (error) {
    if (!(error instanceof NablaError)) throw error
  }
  const { user, system } = process.cpuUsage(start)
  const peak = process.resourceUsage().maxRSS * 1024
  if ((user + system) / 1e6 > most.seconds) throw new Error(`it took ${(user + system) / 1e6} s`)
  if (peak > Math.max(before.most, before.now + most.bytes)) throw new Error(`it took ${(peak - before.now) >> 20} MiB`)
  if (!isDeepStrictEqual(ownKeys(), untouched)) throw new Error('it touched a prototype')
  if (process.memoryUsage.rss() > before.now + 2 ** 26) globalThis.gc?.()
  return result
}

for (const [what, make] of Object.entries(format.hostile ?? {})) {
  const result = await attempt(make()).catch(error => Promise.reject(new Error(`${what}: ${error}`, { cause: error })))
  if (result) throw new Error(`${what} was taken`)
}

await fc.assert(
  fc.asyncProperty(edits, async (list: readonly Edit[]) => {
    const damaged = edited(sound, list)
    const result = await attempt(damaged)
    if (format.checked && result && list.length === 1 && !isDeepStrictEqual(result.value, expected))
      throw new Error('it was read, but as something else')
  }),
  { numRuns: Number(runs), endOnFailure: false },
)
process.disconnect?.()
