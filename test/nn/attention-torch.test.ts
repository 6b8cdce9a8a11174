import { readFileSync } from 'node:fs'
import { layers, model, reference, wasm } from 'nabla'
import { describe, expect, test } from 'vitest'
import { backward, forward } from '../../src/nn/walk.ts'
import { drop, fuse, record } from '../../src/program/index.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'

interface Numbers {
  shape: number[]
  data: number[]
}
interface Case {
  layer: 'attention' | 'additiveAttention' | 'multiHeadAttention' | 'transformerEncoder'
  config: Record<string, never>
  inputs: Numbers[]
  weights: Record<string, Numbers>
  t: Numbers
  y: Numbers
  dinputs: Numbers[]
  dweights: Record<string, Numbers>
}

const fixture = new URL('../fixtures/torch/attention.json', import.meta.url)
const cases: Case[] = JSON.parse(readFileSync(fixture, 'utf8'))

describe.each([
  [reference, 1e-9],
  [wasm, 2e-4],
] as const)('on $name', (backend, tolerance) => {
  test.each(cases.map(c => [c.layer, c.config, c] as const))(
    '%s %j is PyTorch’s, with all its slopes',
    async (_l, _c, c) => {
      const inputs = c.inputs.map(({ shape }) => layers.input(shape.slice(1)))
      const { network } = model({ inputs, outputs: layers[c.layer].fromConfig(c.config)(inputs) })
      const buffer = (name: string, shape: readonly number[], kind: Buffer['kind']): Buffer => ({ name, shape, kind })
      const xs = c.inputs.map(({ shape }, i) => buffer(`x${i}`, shape, 'input'))
      const dxs = c.inputs.map(({ shape }, i) => buffer(`dx${i}`, shape, 'output'))
      const [y, t] = [buffer('y', c.y.shape, 'output'), buffer('t', c.t.shape, 'input')]
      const d = buffer('d', network.gradients.shape, 'output')
      const program = record('step', ['t', 'seed'], k => {
        const traces = forward(k, network.nodes, xs.map(viewOf), { training: true })
        k.copy(viewOf(y), traces[traces.length - 1].y)
        const slopes = backward(k, network.nodes, [traces.length - 1], xs.map(viewOf), traces, dy =>
          k.copy(dy, viewOf(t)),
        )
        slopes.forEach((slope, i) => {
          k.copy(viewOf(dxs[i]), slope!)
        })
        if (Object.keys(c.weights).length > 0) k.copy(viewOf(d), viewOf(network.gradients))
      })
      const engine = backend.engine({ threads: 1 })
      const flat = new Float64Array(network.parameters.shape[0])
      const parameters = network.nodes.flatMap(node => node.parameters)
      expect(parameters.map(({ key }) => key).sort()).toEqual(Object.keys(c.weights).sort())
      for (const { key, offset, shape } of parameters) {
        expect(shape).toEqual(c.weights[key].shape)
        flat.set(c.weights[key].data, offset)
      }
      engine.write(network.parameters, flat)
      c.inputs.forEach(({ data }, i) => {
        engine.write(xs[i], data)
      })
      engine.write(t, c.t.data)
      await engine.compile(drop(fuse(drop(program)))).run({ t: 1, seed: 0 })
      const near = (got: ArrayLike<number>, wanted: readonly number[], what: string) => {
        const size = Math.max(...wanted.map(Math.abs))
        wanted.forEach((value, i) => {
          if (!(Math.abs(got[i] - value) <= tolerance * Math.max(size, 0.01)))
            expect.fail(`${what}[${i}] is ${got[i]}, not ${value}`)
        })
      }
      near(engine.read(y), c.y.data, 'y')
      c.dinputs.forEach(({ data }, i) => {
        near(engine.read(dxs[i]), data, `dx${i}`)
      })
      for (const { key, offset } of parameters) near(engine.read(d).subarray(offset), c.dweights[key].data, `d${key}`)
      engine.close()
    },
  )
})
