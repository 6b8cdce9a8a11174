import { direct } from '../../src/backends/reference/index.ts'
import type { Activation } from '../../src/nn/activation.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'

/** y and dx for dy = 1 of a list. */
export function run(f: Activation, x: number[]) {
  const k = direct()
  const after = [1, ...f.outputShape([x.length])]
  const buffers = ['x', 'y', 'dy', 'dx'].map(
    (name): Buffer => ({ name, shape: name.endsWith('y') ? after : [1, x.length], kind: 'input' }),
  )
  const [vx, vy, vdy, vdx] = buffers.map(viewOf)
  k.write(buffers[0], x)
  k.write(buffers[2], new Float64Array(after[1]).fill(1))
  f.forward(k, { x: vx, y: vy })
  f.backward(k, { x: vx, y: vy, dy: vdy, dx: vdx })
  return { y: Array.from(k.read(buffers[1])), dx: Array.from(k.read(buffers[3])) }
}
