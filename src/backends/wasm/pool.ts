import { BackendError } from '../../errors.ts'

/**
 * Worker threads that help with compiled programs. A step is done by the thread that asks for it; the others see a
 * signal and take what they can get of its work, and nobody waits for one that has not come. Between steps a thread
 * watches the signal for a short while and then sleeps.
 */
export interface Pool {
  /** Makes a program known to every thread; gives what runs its `step(0)` here and calls so many to help meanwhile. */
  add(module: WebAssembly.Module, memory: WebAssembly.Memory, helpers: number): (step: () => void) => void
  /** How often a thread has come to help. */
  helped(): number
}

/** Words of the shared control block. `signal` goes up when a step begins and when it ends: it is odd between. */
const signal = 0
const command = 1
const inside = 2
const posted = 3
const helped = 4

/** Checks of the signal before a thread goes to sleep: some tenths of a millisecond. */
const watch = 20_000

/** What a thread does; text, because a worker cannot share code with a bundle. */
const source = `
const node = typeof process !== 'undefined' && process.versions && process.versions.node
const port = node ? require('node:worker_threads').parentPort : self
const programs = []
let control, id
function work() {
  let seen = 0
  let left = ${watch}
  while (Atomics.load(control, ${posted}) === programs.length) {
    const now = Atomics.load(control, ${signal})
    if (now % 2 === 0 || now === seen) {
      if (left-- <= 0) Atomics.wait(control, ${signal}, now)
      continue
    }
    seen = now
    Atomics.add(control, ${inside}, 1)
    const program = programs[Atomics.load(control, ${command})]
    if (program && Atomics.load(control, ${signal}) === now) {
      Atomics.add(control, ${helped}, 1)
      program.step(id)
    }
    if (Atomics.sub(control, ${inside}, 1) === 1) Atomics.notify(control, ${inside})
    left = ${watch}
  }
}
function receive(message) {
  if (message.control) ({ control, id } = message)
  else {
    const env = { memory: message.memory, fallback() {}, together() {} }
    programs.push(new WebAssembly.Instance(message.module, { env }).exports)
    work()
  }
}
if (node) port.on('message', receive)
else port.onmessage = event => receive(event.data)
`

const pools = new Map<number, Pool>()

/** The one pool in this process for so many threads that work together. */
export function pool(threads: number): Pool {
  let found = pools.get(threads)
  if (!found) pools.set(threads, (found = start(threads)))
  return found
}

/** How many threads this machine runs at once. */
export const cores = (): number => globalThis.navigator?.hardwareConcurrency ?? processCores()

function processCores(): number {
  const os = globalThis.process?.getBuiltinModule?.('node:os')
  return os?.availableParallelism?.() ?? 1
}

/** Whether memory can be shared between threads here: always in Node, in a browser when it is cross-origin isolated. */
export const canShare = (): boolean =>
  typeof SharedArrayBuffer !== 'undefined' && (globalThis.crossOriginIsolated ?? true) !== false

/** Whether the calling thread may sleep: a page may not. */
export const maySleep = (): boolean => !('document' in globalThis)

function start(threads: number): Pool {
  const control = new Int32Array(new SharedArrayBuffer(64))
  const workers = Array.from({ length: threads - 1 }, spawn)
  workers.forEach((worker, i) => {
    worker.postMessage({ control, id: i + 1 })
  })
  const call = (by: number, count: number) => {
    Atomics.add(control, signal, by)
    Atomics.notify(control, signal, count)
  }
  return {
    add(module, memory, helpers) {
      const program = Atomics.add(control, posted, 1) // first of all: whoever knows fewer listens
      for (const worker of workers) worker.postMessage({ module, memory })
      call(2, threads)
      return step => {
        Atomics.store(control, command, program)
        call(1, helpers)
        step()
        Atomics.add(control, signal, 1)
        for (let i = 0, n = 0; (n = Atomics.load(control, inside)) > 0; i++)
          if (i > watch && maySleep()) Atomics.wait(control, inside, n)
      }
    },
    helped: () => Atomics.load(control, helped),
  }
}

function spawn(): { postMessage(message: unknown): void } {
  const threads = globalThis.process?.getBuiltinModule?.('node:worker_threads')
  if (!threads) return new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })))
  const worker = new threads.Worker(source, { eval: true })
  worker.on('error', error => {
    throw new BackendError('thread', `a thread of the engine failed: ${error.message}`, { hint: 'try threads: 1' })
  })
  worker.unref()
  return worker
}
