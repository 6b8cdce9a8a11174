import { type Backend, type Engine, type Program, type Scalars, type Verbs, verbs } from '../../program/index.ts'
import { sizeOf } from '../../tensor/shape.ts'
import type { Buffer } from '../../tensor/view.ts'
import { execute, type Storage } from './execute.ts'

function memory(): Storage {
  const arrays = new Map<Buffer, Float64Array>()
  return {
    numbers(buffer) {
      let array = arrays.get(buffer)
      if (!array) arrays.set(buffer, (array = new Float64Array(sizeOf(buffer.shape))))
      return array
    },
  }
}

/** Plain float64 loops: slow, and right by definition. */
export const reference: Backend = {
  name: 'reference',
  engine(): Engine {
    const storage = memory()
    return {
      name: 'reference',
      dtype: 'float64',
      write: (buffer, values, at) => storage.numbers(buffer).set(values, at),
      read: (buffer, from, to) => storage.numbers(buffer).slice(from, to),
      compile: (program: Program) => ({
        run(scalars: Scalars) {
          for (const instruction of program.instructions) execute(instruction, storage, scalars)
        },
      }),
      close() {},
    }
  },
}

/** Verbs that happen as they are called, so that a breakpoint in a layer's `forward` shows real numbers. */
export function direct(
  scalars: Scalars = {},
): Verbs & { read: (buffer: Buffer) => Float64Array; write: (buffer: Buffer, values: ArrayLike<number>) => void } {
  const storage = memory()
  return {
    ...verbs(instruction => execute(instruction, storage, scalars), Object.keys(scalars)),
    read: buffer => storage.numbers(buffer).slice() as Float64Array,
    write: (buffer, values) => storage.numbers(buffer).set(values),
  }
}
