import { importOnnx, loadOnnx } from 'nabla/onnx'
import onnxProto from 'onnx-proto'
import { expect, test } from 'vitest'

const { onnx } = onnxProto
const opsetImport = [{ domain: '', version: 18 }, { domain: 'mine', version: 1 }] // biome-ignore format: a pair
const tensor = (name: string, dims: number[], floatData: number[]) => ({ name, dataType: 1, dims, floatData })
const port = (name: string) => ({
  name,
  type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: 'batch' }, { dimValue: 2 }] } } },
})
const linear = {
  domain: 'mine',
  name: 'Linear',
  input: ['x', 'w'],
  output: ['y'],
  node: [
    { opType: 'MatMul', input: ['x', 'w'], output: ['t'] },
    { opType: 'Identity', input: ['t'], output: ['y'] },
  ],
}
const block = {
  domain: 'mine',
  name: 'Block',
  input: ['x', 'w'],
  output: ['y'],
  attribute: ['slope'],
  node: [
    { domain: 'mine', opType: 'Linear', input: ['x', 'w'], output: ['t'] },
    { opType: 'LeakyRelu', input: ['t'], output: ['y'], attribute: [{ name: 'alpha', type: 1, refAttrName: 'slope' }] },
  ],
}
const call = (input: string[], output: string, f: number) => ({
  domain: 'mine',
  opType: 'Block',
  input,
  output: [output],
  attribute: [{ name: 'slope', type: 1, f }],
})
const model = (functions: object[]) =>
  onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport,
    functions,
    graph: {
      node: [call(['x', 'a'], 'h', 0.5), call(['h', 'b'], 'y', 0.25)],
      initializer: [tensor('a', [2, 2], [1, -1, 2, 0]), tensor('b', [2, 2], [1, 1, -2, 1])],
      input: [port('x')],
      output: [port('y')],
    },
  }).finish()

test('functions of the file are written out, each call with its own names and settings', async () => {
  const bytes = model([linear, block])
  // x·a = [1, −1] becomes [1, −0.5]; times b = [2, 0.5]
  const x = { shape: [1, 2], data: [1, 0] }
  expect([...(await importOnnx(bytes)).run({ x }).y.data]).toEqual([2, 0.5])
  const layers = await loadOnnx(bytes)
  expect([...(await layers.predict(Float32Array.of(1, 0))).data]).toEqual([2, 0.5])
  expect(layers.layers.map(({ type }) => type)).toEqual(['input', 'dense', 'leakyRelu', 'dense', 'leakyRelu'])
})

test('functions that call themselves, or each other too often, are refused', async () => {
  const again = { ...linear, node: [{ domain: 'mine', opType: 'Linear', input: ['x', 'w'], output: ['y'] }] }
  await expect(importOnnx(model([again, block]))).rejects.toThrow('onnx: functions call each other without end')
  const chain = Array.from({ length: 20 }, (_, i) => ({
    ...linear,
    name: i === 0 ? 'Linear' : `Linear${i}`,
    node: ['p', 'q', 'r', 'y'].map(name => ({
      domain: 'mine',
      opType: `Linear${i + 1}`,
      input: ['x', 'w'],
      output: [name],
    })),
  }))
  await expect(importOnnx(model([...chain, block]))).rejects.toThrow('onnx: functions call each other without end')
})
