/** How long a measurement warms up and lasts, in milliseconds; `run.mjs` says so through the environment. */
const warm = Number(process.env.BENCH_WARM ?? 1000)
const budget = Number(process.env.BENCH_BUDGET ?? 3000)
/** One sample is a block of calls that lasts about this long. */
const block = 100

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export const geomean = values => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)

export const round = value => (Number.isFinite(value) ? Number(value.toPrecision(5)) : null)

/**
 * Times a function: warm-up, then blocks of calls until the time is spent. Gives milliseconds a call.
 * @param share of the usual time, for a workload with many measurements
 */
export async function measure(call, { share = 1 } = {}) {
  const now = () => performance.now()
  let last = 0
  let calls = 0
  for (const began = now(); calls < 3 || now() - began < warm * share; calls++) {
    const start = now()
    const result = call()
    if (result?.then) await result
    last = now() - start
    if (now() - began > 30_000) break
  }
  const inner = Math.max(1, Math.round(block / Math.max(last, 1e-6)))
  const samples = []
  for (const began = now(); samples.length < 3 || now() - began < budget * share; ) {
    const start = now()
    for (let i = 0; i < inner; i++) {
      const result = call()
      if (result?.then) await result
    }
    samples.push((now() - start) / inner)
    if (now() - began > 60_000) break
  }
  return { ms: median(samples), best: Math.min(...samples), samples: samples.length, inner }
}

/** Times something that is done as a whole, such as 1,000 epochs; `prepare` is not timed. Gives milliseconds. */
export async function repeat(times, prepare, call) {
  const samples = []
  for (let i = 0; i < times; i++) {
    const what = await prepare()
    const start = performance.now()
    const result = call(what)
    if (result?.then) await result
    samples.push(performance.now() - start)
  }
  return { ms: median(samples), best: Math.min(...samples), samples: times, inner: 1, all: samples }
}

/** True when the numbers are only to show that everything works. */
export const quick = process.env.BENCH_QUICK === '1'
