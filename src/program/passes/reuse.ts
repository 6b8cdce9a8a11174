import { sameShape } from '../../tensor/shape.ts'
import { type Buffer, inside, isWhole } from '../../tensor/view.ts'
import { type MapInstruction, type Program, reads, writes } from '../instruction.ts'
import { replace } from './alias.ts'

/**
 * What a map turns into an array of the same shape, and nobody reads afterwards, is made where that array lies: e^(x−m) of
 * a softmax in the place of the softmax. `free` tells which arrays need not keep their numbers from run to run.
 */
export function reuse(program: Program, free: (buffer: Buffer) => boolean): Program {
  const instructions = [...program.instructions]
  const places = new Map<Buffer, number[]>()
  instructions.forEach((instruction, at) => {
    for (const { buffer } of [...reads(instruction), ...writes(instruction)]) {
      const here = places.get(buffer)
      if (here) here.push(at)
      else places.set(buffer, [at])
    }
  })

  function fits(old: Buffer, { inputs, outputs }: MapInstruction, at: number): boolean {
    const [out, ...others] = Object.values(outputs)
    const here = places.get(old)!
    const touching = () => here.map(i => instructions[i])
    return (
      old.kind === 'temporary' &&
      (out.buffer.kind === 'temporary' || out.buffer.kind === 'output') &&
      others.length === 0 &&
      here[here.length - 1] === at &&
      here[0] < at &&
      sameShape(old.shape, out.buffer.shape) &&
      free(old) &&
      places.get(out.buffer)!.every(i => i < here[0] || i >= at) &&
      [out, ...Object.values(inputs).filter(view => view.buffer === old)].every(isWhole) &&
      Object.values(inputs).every(view => view.buffer !== out.buffer) &&
      writes(instructions[here[0]]).some(view => view.buffer === old && isWhole(view)) &&
      touching().every(i => i.verb === 'map' || i.verb === 'reduce') &&
      touching()
        .flatMap(reads)
        .every(view => view.buffer !== old || inside(view))
    )
  }

  for (let at = 0; at < instructions.length; at++) {
    const map = instructions[at]
    if (map.verb !== 'map') continue
    const old = Object.values(map.inputs).find(view => fits(view.buffer, map, at))?.buffer
    if (!old) continue
    const [{ buffer }] = Object.values(map.outputs)
    for (const i of places.get(old)!)
      instructions[i] = replace(instructions[i], view => (view.buffer === old ? view.over(buffer) : view))
    places.set(
      buffer,
      [...new Set([...places.get(old)!, ...places.get(buffer)!])].sort((a, b) => a - b),
    )
  }
  return { ...program, instructions }
}
