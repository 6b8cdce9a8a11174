import { importOnnx } from 'nabla/onnx'
import onnxProto from 'onnx-proto'
import { expect, test } from 'vitest'

const { onnx } = onnxProto
const floats = (name: string, ...values: number[]) => ({ name, type: 6, floats: values })
const ints = (name: string, ...values: number[]) => ({ name, type: 7, ints: values })
const text = (name: string, value: string) => ({ name, type: 3, s: new TextEncoder().encode(value) })
const number = (name: string, f: number) => ({ name, type: 1, f })
const W = floats('coefficients', 1, -2, 0.5, -1, 2, -0.5)
const b = floats('intercepts', -1, 1)
const labels = ints('classlabels_ints', 5, 7)
const x = { shape: [2, 3], data: Float32Array.of(1, 2, 4, 0, 1, -1) }

/** By the definitions, for the rows [1, 2, 4] and [0, 1, −1]. */
test.each<[string, object[], number[], number[]?]>([
  ['Scaler', [floats('offset', 1, 2, 3), floats('scale', 0.5, 2, 1)], [0, 0, 1, -0.5, -2, -4]],
  ['Normalizer', [text('norm', 'L1')], [1 / 7, 2 / 7, 4 / 7, 0, 0.5, -0.5]],
  ['Normalizer', [text('norm', 'MAX')], [0.25, 0.5, 1, 0, 1, -1]],
  ['Binarizer', [number('threshold', 1)], [0, 1, 1, 0, 0, 0]],
  ['Imputer', [floats('imputed_value_floats', 9, 8, 7), number('replaced_value_float', 1)], [9, 2, 4, 0, 8, -1]],
  ['LinearRegressor', [W, b, { name: 'targets', type: 2, i: 2 }], [-2, 2, -3.5, 3.5]],
  ['LinearClassifier', [W, b, labels, text('post_transform', 'NONE')], [-2, 2, -3.5, 3.5], [7, 7]],
  [
    'LinearClassifier',
    [W, b, labels, text('post_transform', 'SOFTMAX')],
    [0.01798621, 0.98201379, 0.00091105, 0.99908895],
    [7, 7],
  ],
  [
    'LinearClassifier',
    [floats('coefficients', 1, -2, 0.5), floats('intercepts', 2), labels, text('post_transform', 'LOGISTIC')],
    [0.26894142, 0.73105858, 0.62245933, 0.37754067],
    [7, 5],
  ],
])('%s of scikit-learn’s exporters is computed', async (opType, attribute, expected, classes) => {
  const output = classes ? ['label', 'y'] : ['y']
  const model = onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }, { domain: 'ai.onnx.ml', version: 1 }], // biome-ignore format: a pair
    graph: {
      node: [{ domain: 'ai.onnx.ml', opType, input: ['x'], output, attribute }],
      input: [{ name: 'x' }],
      output: output.map(name => ({ name })),
    },
  }).finish()
  const results = (await importOnnx(model)).run({ x })
  expect(results.y.data.length).toBe(expected.length)
  expected.forEach((value, i) => {
    expect(Number(results.y.data[i])).toBeCloseTo(value, 5)
  })
  if (classes) expect([...results.label.data].map(Number)).toEqual(classes)
})
