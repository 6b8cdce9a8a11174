import { BackendError } from '../../errors.ts'
import type { Backend, Engine, Program, Scalars } from '../../program/index.ts'
import { sizeOf } from '../../tensor/shape.ts'
import type { Buffer } from '../../tensor/view.ts'
import { execute } from '../reference/execute.ts'
import { type Arena, plan } from './compile.ts'

const page = 65536
const maximumPages = 65536

/** Kernels made at run time for exactly the shapes of a program, in 128-bit SIMD. */
export const wasm: Backend = {
  name: 'wasm',
  engine(): Engine {
    const memory = new WebAssembly.Memory({ initial: 16, maximum: maximumPages })
    const starts = new Map<Buffer, number>()
    let top = 64
    let shared = { start: 0, bytes: 0 }
    let owner: unknown

    function own(bytes: number): number {
      const start = top
      top = Math.ceil((top + bytes + 64) / 64) * 64
      const missing = Math.ceil((top - memory.buffer.byteLength) / page)
      if (missing > 0) {
        try {
          memory.grow(missing)
        } catch {
          throw new BackendError(
            'out-of-memory',
            `the plan needs ${Math.ceil(top / 2 ** 20)} MB, more than memory holds`,
            {
              hint: 'use a smaller batchSize',
            },
          )
        }
      }
      return start
    }
    const arena: Arena = {
      own,
      lasting(buffer) {
        let start = starts.get(buffer)
        if (start === undefined) starts.set(buffer, (start = own(sizeOf(buffer.shape) * 4)))
        return start
      },
      transient(bytes) {
        if (bytes > shared.bytes) shared = { start: own(bytes), bytes }
        return shared.start
      },
    }
    const numbers = (buffer: Buffer) => new Float32Array(memory.buffer, arena.lasting(buffer), sizeOf(buffer.shape))

    return {
      name: 'wasm',
      dtype: 'float32',
      write: (buffer, values) => numbers(buffer).set(values),
      read: buffer => numbers(buffer).slice(),
      compile(program: Program) {
        const compiled = plan(program, arena, { shared: false, pages: 1, maximum: maximumPages })
        let scalars: Scalars = {}
        const storage = {
          numbers: () => new Float32Array(memory.buffer),
          layout: compiled.locate,
        }
        const instance = new WebAssembly.Instance(new WebAssembly.Module(compiled.module), {
          env: { memory, fallback: (i: number) => execute(compiled.fallbacks[i], storage, scalars) },
        })
        const step = instance.exports.step as () => void
        return {
          run(values) {
            scalars = values
            if (owner !== compiled) {
              owner = compiled
              for (const { start, bytes } of compiled.zeros) new Uint8Array(memory.buffer, start, bytes).fill(0)
            }
            compiled.setScalars(new DataView(memory.buffer), values)
            step()
          },
        }
      },
      close() {},
    }
  },
}
