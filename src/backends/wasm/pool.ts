import { BackendError } from '../../errors.ts'

/**
 * Worker threads that do compiled programs together. One leads a step, this thread or a worker in its place; the others
 * see a signal and take what they can get of its work, and nobody waits for one that has not come. Between steps a
 * thread watches the signal for a short while and then sleeps.
 */
export interface Pool {
  /** Makes a program known to every thread, so many of which are called to a step. */
  add(program: Shared, helpers: number): Member
  /**
   * Notes that memory of so many bytes is no longer worked on. Threads sleep and never tidy up, so when there is much
   * of it they end, and the next step has new ones.
   */
  left(bytes: number): void
  /** How often a thread has come to help. */
  helped(): number
}

/** A program, and its memory, that threads work on together. */
export interface Shared {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  /** Lets go who waits for a thread that has failed. */
  leave(): void
}

/** A program that the threads of a pool know. */
export interface Member {
  /**
   * Whether the threads are no more, or soon.
   * @throws BackendError `thread` when they have failed, and nobody could be told then
   */
  isOver(): boolean
  /**
   * A step of it here, with help.
   * @throws BackendError `thread`
   */
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
const failed = 5
/** From here on stands why, in as many words as `failed` says. */
const reason = 16
const words = 128

/** Bytes of memory that nobody works on any more, from which on threads that hold it are too dear. */
const mostLeft = 2 ** 28

/** Checks of the signal before a thread goes to sleep: some tenths of a millisecond. */
const watch = 20_000

/** Notes why this thread can do no more of a step, and lets the others go. Workers have this and `lead` as text. */
const fail = (control: Int32Array, error: unknown, leave: () => void): void => {
  const [failed, reason] = [5, 16]
  const text = String(error).slice(0, 64)
  for (let i = 0; i < text.length; i++) control[reason + i] = text.charCodeAt(i)
  Atomics.store(control, failed, text.length)
  leave()
}

/** A step with the others called to it; fails where one of them does. It knows nothing but what it is given. */
const lead = (
  control: Int32Array,
  program: number,
  helpers: number,
  mayWait: boolean,
  patience: number,
  step: () => void,
  fail: (error: unknown) => void,
): void => {
  const [signal, command, inside, failed] = [0, 1, 2, 5]
  Atomics.store(control, command, program)
  Atomics.add(control, signal, 1)
  Atomics.notify(control, signal, helpers)
  try {
    step()
  } catch (error) {
    fail(error)
  }
  Atomics.add(control, signal, 1)
  // Who is still inside leaves at once, or has died.
  const most = 10_000
  for (let i = 0, n = 0, start = 0; (n = Atomics.load(control, inside)) > 0; i++) {
    if (i <= patience) continue
    start ||= performance.now()
    if (mayWait ? Atomics.wait(control, inside, n, most) !== 'timed-out' : performance.now() - start < most) continue
    fail('it does not answer')
    break
  }
  if (Atomics.load(control, failed) > 0) throw new Error('a thread has failed')
}

/** What workers say. */
const finished = 0
const alive = 1

/** What a worker does: the first leads where it is asked to, the others help. */
const source = () => `
const node = typeof process !== 'undefined' && process.versions && process.versions.node
const port = node ? require('node:worker_threads').parentPort : self
const [fail, lead] = [${fail}, ${lead}]
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
      try {
        program.step(id)
      } catch (error) {
        fail(control, error, program.leave)
      }
    }
    if (Atomics.sub(control, ${inside}, 1) === 1) Atomics.notify(control, ${inside})
    left = ${watch}
  }
}
function receive(message) {
  if (message.control) ({ control, id } = message)
  else if (message.lock)
    navigator.locks.request(message.lock, () => {
      port.postMessage(${alive})
      return new Promise(() => {})
    })
  else if (message.module) {
    const number = programs.length
    const together = () => {
      const { clear, step, leave } = program
      clear()
      lead(control, number, message.helpers, true, ${watch}, () => step(0), error => fail(control, error, leave))
    }
    const env = { memory: message.memory, fallback() {}, together }
    const program = new WebAssembly.Instance(message.module, { env }).exports
    programs.push(program)
    if (id > 0) work()
  } else {
    programs[message.program].steps(...message.numbers)
    port.postMessage(${finished})
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
  const control = new Int32Array(new SharedArrayBuffer(4 * words))
  // Who is away comes back in the order of leaving.
  const waiting: { resolve(): void; reject(error: Error): void }[] = []
  let over = false
  let leftover = 0
  let untold: BackendError | undefined
  const workers = Array.from({ length: threads }, () =>
    spawn(() => {
      waiting.shift()?.resolve()
      if (waiting.length === 0) workers[0].unref?.()
      retire()
    }, end),
  )
  workers.forEach((worker, id) => {
    worker.postMessage({ control, id })
  })

  const isFull = () => leftover >= mostLeft
  /** Ends the threads when they hold too much and none of them is away. */
  function retire(): void {
    if (over || !isFull()) return
    if (pools.get(threads) === self) pools.delete(threads)
    if (waiting.length > 0) return
    over = true
    for (const worker of workers) worker.terminate()
  }

  /** Nobody knows what the others do after one has failed: all end, and who comes next gets new ones. */
  function end(why: string): void {
    if (over) return
    over = true
    if (pools.get(threads) === self) pools.delete(threads)
    const noted = control.subarray(reason, reason + Atomics.load(control, failed))
    untold = new BackendError('thread', `a thread of the engine failed: ${String.fromCharCode(...noted) || why}`, {
      hint: 'load saved weights, for some may be half changed, and try threads: 1',
    })
    const left = waiting.splice(0)
    const ended = Promise.all(workers.map(worker => worker.terminate()))
    if (left.length === 0) return
    const error = told()
    ended.then(() => {
      for (const { reject } of left) reject(error!)
    })
  }
  function told(): BackendError | undefined {
    const error = untold
    untold = undefined
    return error
  }

  const self: Pool = {
    add({ module, memory, leave }, helpers) {
      const program = Atomics.add(control, posted, 1) // first of all: whoever knows fewer listens
      for (const worker of workers) worker.postMessage({ module, memory, helpers })
      Atomics.add(control, signal, 2)
      Atomics.notify(control, signal)
      const failing = (error: unknown) => fail(control, error, leave)
      return {
        isOver() {
          const error = told()
          if (error) throw error
          return over || isFull()
        },
        lead(step) {
          // One leads at a time; this thread can do without help.
          if (waiting.length > 0) return step()
          try {
            lead(control, program, helpers, maySleep(), watch, step, failing)
          } catch (error) {
            end(String(error))
            throw told() ?? error
          }
        },
        away: numbers =>
          new Promise((resolve, reject) => {
            waiting.push({ resolve, reject })
            workers[0].ref?.()
            workers[0].postMessage({ program, numbers })
          }),
      }
    },
    left(bytes) {
      leftover += bytes
      retire()
    },
    helped: () => Atomics.load(control, helped),
  }
  return self
}

/** The worker threads of Node and of browsers. */
interface Thread {
  postMessage(message: unknown): void
  terminate(): unknown
  /** Keeps the process from ending while the thread works; Node alone has it. */
  ref?(): void
  unref?(): void
}

function spawn(done: () => void, failed: (why: string) => void): Thread {
  const threads = globalThis.process?.getBuiltinModule?.('node:worker_threads')
  if (!threads) {
    const worker = new Worker(URL.createObjectURL(new Blob([source()], { type: 'text/javascript' })))
    // A worker of a page may end without a word, but not keep a lock that it has.
    const { locks } = globalThis.navigator
    const lock = locks && `nabla ${crypto.randomUUID()}`
    if (locks) worker.postMessage({ lock })
    worker.onmessage = ({ data }) => (data === alive ? void locks.request(lock, () => failed('it ended')) : done())
    worker.onerror = event => {
      event.preventDefault()
      failed(event.message ?? 'it could not start')
    }
    return worker
  }
  const worker = new threads.Worker(source(), { eval: true })
  worker
    .on('message', done)
    .on('error', error => failed(String(error)))
    .on('exit', code => failed(`it ended with code ${code}`))
  worker.unref()
  return worker
}
