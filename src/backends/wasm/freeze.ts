import { BackendError } from '../../errors.ts'
import { buffersOf, type Frozen, type Numbers, type Program } from '../../program/index.ts'
import { sizeOf } from '../../tensor/shape.ts'
import type { Buffer } from '../../tensor/view.ts'
import { plan } from './compile.ts'
import { blockOf } from './numbers.ts'

const page = 65536
const maximum = 65536

/** Compiles a program for one thread and a memory of its own, and notes what that holds before the first run. */
export function freeze(program: Program, read: (buffer: Buffer) => Numbers, fma: boolean): Frozen {
  const starts = new Map<Buffer, number>()
  let top = 64
  const own = (bytes: number) => {
    const start = top
    top += blockOf(bytes)
    return start
  }
  const lasting = (buffer: Buffer) => {
    let start = starts.get(buffer)
    if (start === undefined) starts.set(buffer, (start = own(sizeOf(buffer.shape) * 4)))
    return start
  }
  const {
    bytes: module,
    fallbacks,
    setScalars,
  } = plan(program, { own, lasting, transient: own }, { shared: false, pages: 1, maximum }, { threads: 1, fma })
  if (fallbacks.length > 0)
    throw new BackendError('no-kernel', `${program.name} has steps that no kernel covers and that need the library`, {
      evidence: [['verbs', [...new Set(fallbacks.map(({ verb }) => verb))].join(', ')]],
      hint: 'leave out the layers that these come from; explain() shows them',
    })
  const pages = Math.ceil(top / page)
  if (pages > maximum)
    throw new BackendError('out-of-memory', `the plan needs ${Math.ceil(top / 2 ** 20)} MB, more than memory holds`, {
      hint: 'use a smaller batchSize',
    })
  const image = new Uint8Array(top)
  setScalars(new DataView(image.buffer), {})
  let [from, to] = [0, top]
  while (from < top && image[from] === 0) from++
  while (to > from && image[to - 1] === 0) to--
  const weights = [...buffersOf(program)]
    .filter(({ kind }) => kind === 'parameter' || kind === 'state')
    .map(buffer => ({ start: lasting(buffer), bytes: new Uint8Array(read(buffer).buffer) }))
  return {
    module,
    pages,
    contents: from === to ? weights : [{ start: from, bytes: image.slice(from, to) }, ...weights],
    start: lasting,
  }
}
