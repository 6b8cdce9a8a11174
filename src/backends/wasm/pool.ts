import { BackendError } from '../../errors.ts'

/**
 * Worker threads that do compiled programs together. One leads a step, this thread or a worker in its place; the others
 * see a signal and take what they can get of its work, and nobody waits for one that has not come. Between steps a
 * thread watches the signal for a short while and then sleeps.
 */
export interface Pool {
  /** Makes a program known to every thread, so many of which are called to a step. */
  add(module: WebAssembly.Module, memory: WebAssembly.Memory, helpers: number): Member
  /** How often a thread has come to help. */
  helped(): number
}

/** A program that the threads of a pool know. */
export interface Member {
  /** A step of it here, with help. */
  lead(step: () => void): void
  /** Steps of it in a worker that leads in place of this thread, which is free meanwhile. */
  away(numbers: readonly number[]): Promise<void>
}

/** Words of the shared control block. `signal` goes up when a step begins and when it ends: it is odd between. */
const signal = 0
const command = 1
const inside = 2
const posted = 3
const helped = 4

/** Checks of the signal before a thread goes to sleep: some tenths of a millisecond. */
const watch = 20_000

/** A step with the others called to it. Workers have it as text: it knows nothing but what it is given. */
const lead = (control: Int32Array, program: number, helpers: number, patience: number, step: () => void): void => {
  const [signal, command, inside] = [0, 1, 2]
  Atomics.store(control, command, program)
  Atomics.add(control, signal, 1)
  Atomics.notify(control, signal, helpers)
  step()
  Atomics.add(control, signal, 1)
  for (let i = 0, n = 0; (n = Atomics.load(control, inside)) > 0; i++)
    if (i > patience) Atomics.wait(control, inside, n)
}

/** What a worker does: the first leads where it is asked to, the others help. */
const source = () => `
const node = typeof process !== 'undefined' && process.versions && process.versions.node
const port = node ? require('node:worker_threads').parentPort : self
const lead = ${lead}
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
  else if (message.module) {
    const number = programs.length
    const together = () => {
      program.clear()
      lead(control, number, message.helpers, ${watch}, () => program.step(0))
    }
    const env = { memory: message.memory, fallback() {}, together }
    const program = new WebAssembly.Instance(message.module, { env }).exports
    programs.push(program)
    if (id > 0) work()
  } else {
    programs[message.program].steps(...message.numbers)
    port.postMessage(0)
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
  // Who is away comes back in the order of leaving.
  const waiting: { resolve(): void; reject(error: Error): void }[] = []
  const workers = Array.from({ length: threads }, () =>
    spawn(
      () => {
        waiting.shift()!.resolve()
        if (waiting.length === 0) workers[0].unref?.()
      },
      error => {
        const failed = new BackendError('thread', `a thread of the engine failed: ${error.message}`, {
          hint: 'try threads: 1',
        })
        if (waiting.length === 0) throw failed
        for (const { reject } of waiting.splice(0)) reject(failed)
      },
    ),
  )
  workers.forEach((worker, id) => {
    worker.postMessage({ control, id })
  })
  return {
    add(module, memory, helpers) {
      const program = Atomics.add(control, posted, 1) // first of all: whoever knows fewer listens
      for (const worker of workers) worker.postMessage({ module, memory, helpers })
      Atomics.add(control, signal, 2)
      Atomics.notify(control, signal)
      return {
        lead(step) {
          // One leads at a time; this thread can do without help.
          if (waiting.length > 0) step()
          else lead(control, program, helpers, maySleep() ? watch : Infinity, step)
        },
        away: numbers =>
          new Promise((resolve, reject) => {
            waiting.push({ resolve, reject })
            workers[0].ref?.()
            workers[0].postMessage({ program, numbers })
          }),
      }
    },
    helped: () => Atomics.load(control, helped),
  }
}

/** The worker threads of Node and of browsers. */
interface Thread {
  postMessage(message: unknown): void
  /** Keeps the process from ending while the thread works; Node alone has it. */
  ref?(): void
  unref?(): void
}

function spawn(done: () => void, failed: (error: { message: string }) => void): Thread {
  const threads = globalThis.process?.getBuiltinModule?.('node:worker_threads')
  if (!threads) {
    const worker = new Worker(URL.createObjectURL(new Blob([source()], { type: 'text/javascript' })))
    worker.onmessage = done
    worker.onerror = failed
    return worker
  }
  const worker = new threads.Worker(source(), { eval: true })
  worker.on('message', done).on('error', failed)
  worker.unref()
  return worker
}
