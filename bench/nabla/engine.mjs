import { drop, fuse, record, viewOf, wasm } from '../../dist/engine.js'
import { asked } from '../adaptor.mjs'
import { normals } from '../data.mjs'

const fma = asked.variant === 'fma'

const engine = settings => wasm.engine({ ...settings, ...(fma && { fma }) })

/** How a model of this run is compiled. */
export const options = { threads: asked.threads, backend: { ...wasm, engine } }

/** Records, improves and compiles a program over filled inputs; gives what runs it. */
export function program(inputs, outputs, write, engine = options.backend.engine({ threads: options.threads })) {
  const made = kind => entry => [entry[0], { name: entry[0], shape: entry[1], kind }]
  const [given, results] = [Object.entries(inputs).map(made('input')), Object.entries(outputs).map(made('output'))]
  given.forEach(([, buffer], seed) => {
    const count = buffer.shape.reduce((a, b) => a * b, 1)
    engine.write(buffer, normals(count, seed + 1))
  })
  const views = Object.fromEntries([...given, ...results].map(([name, buffer]) => [name, viewOf(buffer)]))
  const recorded = record('benchmark', [], k => write(k, views))
  const compiled = engine.compile(drop(fuse(drop(recorded))))
  return { run: () => compiled.run({}), read: name => engine.read(views[name].buffer) }
}

/** Refuses to report fused multiply-add where the library computes without it: one rounding fewer changes bits. */
function requireFma() {
  const product = engine => {
    const { run, read } = program(
      { a: [64, 64], b: [64, 64] },
      { y: [64, 64] },
      (k, { a, b, y }) => k.gemm(y, a, b),
      engine,
    )
    run()
    return read('y').join()
  }
  if (product(engine({ threads: 1 })) === product(wasm.engine({ threads: 1 })))
    throw new Error('no fused multiply-add in this build')
}

if (fma) requireFma()
