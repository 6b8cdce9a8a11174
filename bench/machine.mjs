import { readFileSync } from 'node:fs'
import os from 'node:os'

const words = path => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
const ticks = 100

/** Jiffies spent so far by everybody, by the hypervisor's other guests, and by this process and its ended children. */
function clocks() {
  const [user, nice, system, , , irq, soft, steal] = words('/proc/stat')
    .split('\n')[0]
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number)
  const own = words('/proc/self/stat').split(') ')[1]?.split(' ').slice(11, 15)
  if (!own) return undefined
  const sum = own.map(Number).reduce((a, b) => a + b)
  return { busy: user + nice + system + irq + soft, steal, own: sum, time: performance.now() }
}

/** Starts to watch the load; calling the result tells how many cores others had meanwhile. Linux only. */
export function watchLoad() {
  const before = clocks()
  return () => {
    const after = clocks()
    if (!before || !after) return {}
    const passed = ((after.time - before.time) / 1000) * ticks
    const cores = n => Math.max(0, Math.round((n / passed) * 100) / 100)
    const others = after.busy - before.busy - (after.own - before.own)
    return { other_cpu: cores(others), steal: cores(after.steal - before.steal) }
  }
}

/** The widest instructions that libraries of machine code find here. */
const widest = () => {
  const flags =
    words('/proc/cpuinfo')
      .match(/^flags.*$/m)?.[0]
      .split(' ') ?? []
  return [
    ['avx512f', 'AVX-512'],
    ['avx2', 'AVX2'],
  ].find(([flag]) => flags.includes(flag))?.[1]
}

export const machine = () => ({
  instructions: widest(),
  processor: os.cpus()[0]?.model.trim() ?? 'unknown',
  cores: os.availableParallelism(),
  memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
  system: `${os.type()} ${os.release()} ${os.arch()}`,
  node: process.version,
})
