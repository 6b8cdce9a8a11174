import type { Compiled, Engine, Series } from '../program/index.ts'
import { sizeOf } from '../tensor/shape.ts'
import type { Plan } from './programs.ts'

/** Steps for an engine that knows single runs only. */
export function oneByOne(engine: Engine, made: Plan & Compiled): Series {
  const inputs = new Map(
    [made.x, made.y, made.weights]
      .filter(buffer => buffer !== undefined)
      .map(buffer => [buffer, new Float64Array(sizeOf(buffer.shape))]),
  )
  return {
    capacity: 1,
    parts: 1,
    input: buffer => inputs.get(buffer)!,
    run(_, scalars) {
      for (const [buffer, values] of inputs) engine.write(buffer, values)
      const now = Object.entries(scalars).map(([name, of]) => [name, typeof of === 'number' ? of : of(0)])
      return made.run(Object.fromEntries(now))
    },
    output: buffer => ({ numbers: engine.read(buffer), width: sizeOf(buffer.shape) }),
  }
}
