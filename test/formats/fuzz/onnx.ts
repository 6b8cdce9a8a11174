// ONNX models as rows for the fuzzer: damaged, they are run and become layers, or are refused.
import onnxProto from 'onnx-proto'
import { importOnnx, loadOnnx } from '../../../src/formats/onnx/index.ts'
import { DataError, layers as l, sequential } from '../../../src/index.ts'
import { exportOnnx } from '../../../src/onnx.ts'
import type { Format } from './formats.ts'

const { onnx } = onnxProto
type Graph = NonNullable<Parameters<typeof onnx.GraphProto.encode>[0]>
type Node = NonNullable<Graph['node']>[number]

const whole = (name: string, ...values: number[]) => ({ name, dataType: 7, dims: [values.length], int64Data: values })
const one = (name: string, value: number) => ({ name, dataType: 7, dims: [], int64Data: [value] })
const int = (name: string, i: number) => ({ name, type: 2, i })
const ints = (name: string, ...values: number[]) => ({ name, type: 7, ints: values })
const node = (opType: string, input: string[], attribute: Node['attribute'] = [], output = ['y']): Node => ({
  opType,
  input,
  output,
  attribute,
})
const file = (graph: Graph, more = {}) =>
  onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }],
    graph: { output: [{ name: 'y' }], ...graph },
    ...more,
  }).finish()
/** Constants of sizes, and nodes that make much of them. */
const much = (initializer: Graph['initializer'], ...nodes: Node[]) => file({ initializer, node: nodes })
const filled = (name: string, shape: string) => node('ConstantOfShape', [shape], [], [name])
const body = (nodes: Node[], output: string[]) => ({
  name: 'body',
  type: 5,
  g: {
    node: nodes,
    input: [{ name: 'i' }, { name: 'go' }, { name: 'v' }],
    output: output.map(name => ({ name })),
  },
})
const double = node('Concat', ['v', 'v'], [int('axis', 0)], ['w'])
const spin = (inner: Node[], out: string) => node('Loop', ['n', '', 'v0'], [body(inner, ['go', out])])

const small = () =>
  sequential(
    [
      l.input([6, 5, 2]),
      l.conv2d(3, 2, { activation: 'gelu' }),
      l.batchNormalization(),
      l.maxPooling2d(),
      l.reshape([2, 6]),
      l.bidirectional(l.lstm(2, { returnSequences: true })),
      l.multiHeadAttention(2, 2),
      l.flatten(),
      l.dense(2),
      l.softmax(),
    ],
    { seed: 1 },
  )

const hostile: Record<string, () => Uint8Array> = {
  'a constant of 10¹⁸ numbers': () => much([whole('n', 1e9, 1e9)], filled('y', 'n')),
  'a negative shape': () => much([whole('n', -4, -4)], filled('y', 'n')),
  'a thousand constants that fit': () =>
    much(
      [whole('n', 1000, 1000)],
      ...Array.from({ length: 1000 }, (_, i) => filled(`c${i}`, 'n')),
      node('Sum', Array.from({ length: 1000 }, (_, i) => `c${i}`)), // biome-ignore format: a list
    ),
  'a tile of tiles': () => much([whole('n', 2, 2), whole('r', 1e6, 1e6)], filled('c', 'n'), node('Tile', ['c', 'r'])),
  'an expansion': () => much([whole('n', 1, 1), whole('r', 1e7, 1e7)], filled('c', 'n'), node('Expand', ['c', 'r'])),
  'a range without end': () => much([one('a', 0), one('b', 1e15), one('c', 1)], node('Range', ['a', 'b', 'c'])),
  'a range in no steps': () => much([one('a', 0), one('b', 5), one('c', 0)], node('Range', ['a', 'b', 'c'])),
  'a padding': () => much([whole('n', 1), whole('p', 1e9, 1e9)], filled('c', 'n'), node('Pad', ['c', 'p'])),
  'a product of large matrices': () => much([whole('n', 1500, 1500)], filled('c', 'n'), node('MatMul', ['c', 'c'])),
  'a convolution by a large kernel': () =>
    much(
      [whole('n', 1, 1, 1000, 1000), whole('k', 1, 1, 500, 500)],
      filled('x', 'n'),
      filled('w', 'k'),
      node('Conv', ['x', 'w']),
    ),
  'a pool of large windows': () =>
    much([whole('n', 1, 1, 1000, 1000)], filled('x', 'n'), node('MaxPool', ['x'], [ints('kernel_shape', 500, 500)])),
  'an einsum over many names': () =>
    much(
      [whole('n', 99, 99)],
      filled('c', 'n'),
      node('Einsum', ['c', 'c', 'c'], [{ name: 'equation', type: 3, s: new TextEncoder().encode('ab,cd,ef->') }]),
    ),
  'a one-hot of great depth': () =>
    much([whole('i', 0), one('n', 1e12), whole('v', 0, 1)], node('OneHot', ['i', 'n', 'v'])),
  'a loop without end': () => much([one('n', 2 ** 52), whole('v0', 1)], spin([], 'v')),
  'a loop in a loop': () => much([one('n', 100_000), whole('v0', 1)], spin([{ ...spin([], 'v'), output: ['w'] }], 'w')),
  'a loop that doubles': () => much([one('n', 60), whole('v0', 1)], spin([double], 'w')),
  'doubling after doubling': () =>
    much(
      [whole('c0', 1)],
      ...Array.from({ length: 50 }, (_, i) =>
        node('Concat', [`c${i}`, `c${i}`], [int('axis', 0)], [i === 49 ? 'y' : `c${i + 1}`]),
      ),
    ),
  'an axis of none beside large ones': () =>
    much([whole('n', 0, 2 ** 30, 2 ** 30)], filled('c', 'n'), node('Concat', ['c', 'c'], [int('axis', 2)])),
  'a window of twenty axes': () => {
    const twenty = Array.from({ length: 20 }, () => 2)
    return much(
      [whole('n', 1, 1, ...twenty)],
      filled('x', 'n'),
      node('AveragePool', ['x'], [ints('kernel_shape', ...twenty), ints('pads', ...twenty, ...twenty)]),
    )
  },
  'a sum that reads itself': () => file({ node: [node('Add', ['y', 'y'])] }),
  'graphs within graphs': () => {
    let inner: Node = node('Identity', ['v'])
    for (let i = 0; i < 400; i++) inner = spin([{ ...inner, output: ['w'] }], 'w')
    return much([one('n', 1), whole('v0', 1), whole('v', 1)], inner)
  },
  'weights in a file outside': () =>
    file({
      initializer: [
        { name: 'y', dataType: 1, dims: [1], dataLocation: 1, externalData: [{ key: 'location', value: '../../x' }] },
      ],
    }),
  'a shape that says more than there is': () =>
    file({ initializer: [{ name: 'y', dataType: 1, dims: [2 ** 40], rawData: new Uint8Array(4) }] }),
}

export const models: readonly Format[] = [
  {
    name: 'onnx that runs',
    sample: () => exportOnnx(small()),
    async read(bytes) {
      const model = await importOnnx(bytes)
      const feeds = model.inputs.map(({ name, shape }) => {
        const sizes = (shape ?? [2]).map(n => (typeof n === 'number' ? n : 2))
        const count = sizes.reduce((a, b) => a * b, 1)
        // What a caller would have to give is not the model's doing.
        if (!(count <= 1e5 && sizes.every(n => n >= 0)))
          throw new DataError('no-input', 'too large to be given', { hint: '' })
        return [name, { shape: sizes, data: new Float32Array(count).fill(0.5) }] as const
      })
      return model.run(Object.fromEntries(feeds))
    },
    hostile,
  },
  {
    name: 'onnx that becomes layers',
    sample: () => exportOnnx(small()),
    read: async bytes => (await loadOnnx(bytes)).weights(),
    hostile,
  },
]
