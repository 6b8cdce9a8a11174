import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { round } from './timing.mjs'

const [workload, threads = '1', variant = ''] = process.argv.slice(2)

/** What `run.mjs` asked for. */
export const asked = { workload, threads: Number(threads), variant }

const lowerIsBetter = { ms: 1, s: 1000 }

/**
 * Writes one result as a line of JSON.
 * @param timed what `measure` gave: milliseconds a call
 * @param unit ms or s for a time, else something per second
 * @param count how many of them one call is
 */
export function emit(metric, timed, unit, count = 1, extra = {}) {
  const figure = ms => round(unit in lowerIsBetter ? ms / lowerIsBetter[unit] : count / (ms / 1000))
  const { samples, inner } = timed
  const record = { workload, metric, value: figure(timed.ms), best: figure(timed.best), unit, samples, inner, ...extra }
  process.stdout.write(`${JSON.stringify(record)}\n`)
}

/** Says that the first batch is trained; past `console`, which would load Node's sockets for it. */
export const trained = (loss = '') => process.getBuiltinModule('node:fs').writeSync(2, `trained ${loss}\n`)

/** Runs the workload that was asked for and leaves; an error becomes a line of its own. */
export async function run(workloads) {
  try {
    const work = workloads[workload]
    if (!work) throw new Error(`has no ${workload}; it has ${Object.keys(workloads).join(', ')}`)
    await work(asked)
    process.exit(0)
  } catch (error) {
    console.error(error)
    process.stdout.write(`${JSON.stringify({ workload, metric: 'error', error: firstLine(error) })}\n`)
    process.exit(1)
  }
}

const firstLine = error =>
  String(error?.message ?? error)
    .split('\n')[0]
    .slice(0, 300)

/** Loads a package of the peers' folder. */
export const peer = createRequire(join(resolve(process.env.PEERS_DIR ?? '.'), 'package.json'))
