import { BackendError } from '../../errors.ts'

/**
 * Worker threads that run compiled programs together. A run is one signal: every thread then calls the program's `step`
 * with its number, and the barriers inside the step do the rest. Between runs a thread watches the signal for a short
 * while and then sleeps.
 */
export interface Pool {
  readonly threads: number
  /** Makes a program known to every thread. */
  add(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<number>
  /** Runs steps of a program on all threads; the calling thread stays free. Without numbers, one step by itself. */
  run(program: number, series?: SeriesNumbers): Promise<void>
}

/** How many steps, and what the program's `steps` wants to know of them. */
export type SeriesNumbers = readonly [count: number, first: number, cycle: number, various: number]

/** Words of the shared control block. */
const signal = 0
const command = 1
const done = 2
const repeat = 3
const listening = -1

/** Checks of the signal before a thread goes to sleep: some tens of microseconds. */
const watch = 20_000

/** What a thread does; text, because a worker cannot share code with a bundle. */
const source = `
const node = typeof process !== 'undefined' && process.versions && process.versions.node
const port = node ? require('node:worker_threads').parentPort : self
const programs = []
let control, id, count, seen = 0
function work() {
  for (;;) {
    for (let i = 0; i < ${watch} && Atomics.load(control, ${signal}) === seen; i++);
    while (Atomics.load(control, ${signal}) === seen) Atomics.wait(control, ${signal}, seen)
    seen = Atomics.load(control, ${signal})
    const program = Atomics.load(control, ${command})
    if (program === ${listening}) return
    const repeat = Atomics.load(control, ${repeat})
    if (repeat > 0) programs[program].steps(id, count, ...control.subarray(${repeat}, ${repeat + 4}))
    else programs[program].step(id, count)
    if (Atomics.add(control, ${done}, 1) === count - 1) {
      Atomics.notify(control, ${done})
      if (!Atomics.waitAsync) port.postMessage('done')
    }
  }
}
function receive(message) {
  if (message.control) ({ control, id, count } = message)
  if (message.module) {
    const env = { memory: message.memory, fallback() {} }
    programs.push(new WebAssembly.Instance(message.module, { env }).exports)
  }
  port.postMessage('ready')
  if (message.module) work()
}
if (node) port.on('message', receive)
else port.onmessage = event => receive(event.data)
`

interface Thread {
  post(message: unknown): void
  /** Resolves at the next message from the thread. */
  answer(): Promise<void>
  /** Keeps the process alive, or not. */
  hold(on: boolean): void
}

const pools = new Map<number, Promise<Pool>>()

/** The one pool of so many threads in this process. */
export function pool(threads: number): Promise<Pool> {
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

async function start(threads: number): Promise<Pool> {
  const control = new Int32Array(new SharedArrayBuffer(64))
  const workers = await Promise.all(Array.from({ length: threads }, spawn))
  await Promise.all(
    workers.map((worker, id) => {
      worker.post({ control, id, count: threads })
      return worker.answer()
    }),
  )
  let programs = 0
  let idle = true
  const send = (program: number) => {
    Atomics.store(control, command, program)
    Atomics.add(control, signal, 1)
    Atomics.notify(control, signal)
  }
  const hold = (on: boolean) => {
    for (const worker of workers) worker.hold(on)
  }
  hold(false)
  // Runs and additions of different engines take turns.
  let turn: Promise<unknown> = Promise.resolve()
  const queue = <T>(job: () => Promise<T>): Promise<T> => {
    const result = turn.then(job, job)
    turn = result.catch(() => {})
    return result
  }
  return {
    threads,
    add: (module, memory) =>
      queue(async () => {
        hold(true)
        if (!idle) send(listening)
        idle = false
        const ready = workers.map(worker => worker.answer())
        for (const worker of workers) worker.post({ module, memory })
        await Promise.all(ready)
        hold(false)
        return programs++
      }),
    run: (program, series = [0, 0, 0, 0]) =>
      queue(async () => {
        hold(true)
        control.set(series, repeat) // before the signal, which is atomic
        Atomics.store(control, done, 0)
        const finished = 'waitAsync' in Atomics ? undefined : Promise.race(workers.map(worker => worker.answer()))
        send(program)
        for (let n = 0; (n = Atomics.load(control, done)) < threads; ) {
          if (finished) await finished
          else {
            const wait = Atomics.waitAsync(control, done, n)
            if (wait.async) await wait.value
          }
        }
        hold(false)
      }),
  }
}

async function spawn(): Promise<Thread> {
  let settle: (() => void) | undefined
  const answer = () => new Promise<void>(resolve => (settle = resolve))
  if (globalThis.process?.versions?.node) {
    const { Worker } = await import('node:worker_threads')
    const worker = new Worker(source, { eval: true })
    worker.on('message', () => settle?.())
    worker.on('error', error => {
      throw new BackendError('thread', `a thread of the engine failed: ${error.message}`, { hint: 'try threads: 1' })
    })
    return {
      post: message => worker.postMessage(message),
      answer,
      hold: on => (on ? worker.ref() : worker.unref()),
    }
  }
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })))
  worker.onmessage = () => settle?.()
  return { post: message => worker.postMessage(message), answer, hold: () => {} }
}
