import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { importOnnx, type OnnxFeed, readOnnxTensor } from 'nabla/onnx'
import onnxProto from 'onnx-proto'
import { expect, test } from 'vitest'
import { NablaError } from '../../../src/errors.ts'

const { onnx } = onnxProto
const file = new URL('fixtures/nodeTests.json.gz', import.meta.url)
const cases: Record<string, string>[] = Object.values(JSON.parse(gunzipSync(readFileSync(file)).toString()))
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'))

async function runAll(model: Uint8Array, inputs: readonly Uint8Array[]) {
  const read = await importOnnx(model)
  const feeds: Record<string, OnnxFeed> = {}
  for (const [i, { name }] of read.inputs.entries()) feeds[name] = await readOnnxTensor(inputs[i])
  return read.run(feeds)
}

/** Whatever happens is a result or an error of ours, and no prototype is touched. */
async function survives(work: () => Promise<unknown>) {
  const error = await work().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error !== undefined && !(error instanceof NablaError)) throw error
  expect(Object.keys(Object.prototype)).toEqual([])
}

test('bytes that are no model end in an error of ours', () =>
  fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), data => survives(() => runAll(data, []))),
    { numRuns: 200 },
  ))

test('models with changed, lost or doubled bytes end in a result or in an error of ours', () => {
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    kind: fc.constantFrom('flip', 'cut', 'double'),
    bit: fc.integer({ min: 0, max: 255 }),
  })
  const which = fc.integer({ min: 0, max: cases.length - 1 })
  return fc.assert(
    fc.asyncProperty(which, fc.array(edit, { minLength: 1, maxLength: 3 }), async (index, edits) => {
      let model = bytes(cases[index].model)
      for (const { at, kind, bit } of edits) {
        const place = Math.floor(at * model.length)
        if (kind === 'flip') model[place] ^= bit
        else if (kind === 'cut') model = model.slice(0, place)
        else model = Uint8Array.from([...model.slice(0, place), ...model.slice(Math.max(0, place - 8))])
      }
      const inputs = Object.entries(cases[index]).filter(([name]) => name.startsWith('input_'))
      await survives(() =>
        runAll(
          model,
          inputs.map(([, text]) => bytes(text)),
        ),
      )
    }),
    { numRuns: 1500 },
  )
})

type Parts = Parameters<typeof onnx.GraphProto.encode>[0]
const value = (name: string, dims: number[], elemType = 1) => ({
  name,
  type: { tensorType: { elemType, shape: { dim: dims.map(dimValue => ({ dimValue })) } } },
})
const model = (graph: Parts, version = 17) =>
  onnx.ModelProto.encode({ irVersion: 8, opsetImport: [{ domain: '', version }], graph }).finish()
const relu = (input: string, output: string) => ({ opType: 'Relu', input: [input], output: [output] })
const x: OnnxFeed = { shape: [2], data: new Float32Array([-1, 2]) }
const y = { name: 'y' }

test.each<[string, Parts, RegExp]>([
  [
    'a cycle',
    { node: [relu('b', 'a'), relu('a', 'b')], output: [{ name: 'b' }] },
    /Relu reads "b", which no earlier node writes/,
  ],
  [
    'a name written twice',
    { node: [relu('x', 'y'), relu('x', 'y')], input: [value('x', [2])], output: [y] },
    /"y" is written twice/,
  ],
  [
    'an output that nothing writes',
    { node: [relu('x', 'y')], input: [value('x', [2])], output: [{ name: 'z' }] },
    /"z" is written by no node/,
  ],
  ['an operator without a row', { node: [{ opType: 'Magic', output: ['y'] }], output: [y] }, /^unsupported: Magic\n/],
  [
    'an operator named like a prototype',
    { node: [{ opType: '__proto__', output: ['y'] }], output: [y] },
    /^unsupported: __proto__\n/,
  ],
  [
    'a setting that no row reads',
    {
      node: [{ ...relu('x', 'y'), attribute: [{ name: 'slope', type: 1, f: 2 }] }],
      input: [value('x', [2])],
      output: [y],
    },
    /^unsupported: Relu attribute slope\n/,
  ],
  [
    'a tensor with too few numbers',
    {
      node: [relu('w', 'y')],
      initializer: [{ name: 'w', dataType: 1, dims: [1e9, 1e9], floatData: [1] }],
      output: [y],
    },
    /tensor "w" has 1 numbers/,
  ],
  [
    'a tensor of less than nothing',
    { node: [relu('w', 'y')], initializer: [{ name: 'w', dataType: 1, dims: [-1, -1], floatData: [1] }], output: [y] },
    /tensor "w" has 1 numbers/,
  ],
  [
    'weights in another file',
    {
      node: [relu('w', 'y')],
      initializer: [
        { name: 'w', dataType: 1, dims: [1], dataLocation: 1, externalData: [{ key: 'location', value: '../secret' }] },
      ],
      output: [y],
    },
    /^unsupported: external data/,
  ],
  [
    'a type without a row',
    {
      node: [relu('w', 'y')],
      initializer: [{ name: 'w', dataType: 8, dims: [1], stringData: [new Uint8Array([65])] }],
      output: [y],
    },
    /^unsupported: STRING of tensor "w"\n/,
  ],
  [
    'a result larger than memory',
    {
      node: [{ opType: 'ConstantOfShape', input: ['n'], output: ['y'] }],
      initializer: [{ name: 'n', dataType: 7, dims: [2], int64Data: [1e9, 1e9] }],
      output: [y],
    },
    /a tensor cannot have the shape \[1000000000, 1000000000\]/,
  ],
])('%s is refused', async (_, graph, message) => {
  await expect(importOnnx(model(graph)).then(made => made.run(graph?.input ? { x } : {}))).rejects.toThrow(message)
})

const typed = (elemType: number) => ({ node: [relu('x', 'y')], input: [value('x', [2], elemType)], output: [y] })
const sided = (type: object) => ({ node: [relu('x', 'y')], input: [value('x', [2])], output: [{ name: 'y', type }] })

// What nothing is computed with: where it stands, and what to do about it.
test.each([
  [typed(8), 'STRING of the input "x"', 'number classes and words before, and export the model without texts'],
  [typed(14), 'COMPLEX64 of the input "x"', 'export real and imaginary parts as two tensors'],
  [typed(17), 'FLOAT8E4M3FN of the input "x"', 'export the model in float32, or quantized to int8'],
  [typed(22), 'INT4 of the input "x"', 'export the model in float32, or quantized to int8'],
  [typed(25), 'UINT2 of the input "x"', 'export the model in float32, or quantized to int8'],
  [
    sided({ sequenceType: {} }),
    'SEQUENCE of the output "y"',
    "export plain tensors; skl2onnx does with options={'zipmap': False}",
  ],
  [sided({ optionalType: {} }), 'OPTIONAL of the output "y"', 'export plain tensors, all of which are there'],
])('%#: a type is refused with a way out', async (graph, what, hint) => {
  await expect(importOnnx(model(graph))).rejects.toThrow(`unsupported: ${what}\n  hint: ${hint}`)
})

test('names like __proto__ are names like any other', async () => {
  const made = await importOnnx(
    model({
      node: [relu('__proto__', 'constructor')],
      input: [value('__proto__', [2])],
      output: [{ name: 'constructor' }],
    }),
  )
  const results = made.run(Object.fromEntries([['__proto__', x]]))
  expect(Object.entries(results).map(([name, { data }]) => [name, ...data])).toEqual([['constructor', 0, 2]])
})

test('inputs are asked for by name and shape', async () => {
  const made = await importOnnx(model({ node: [relu('x', 'y')], input: [value('x', [2])], output: [y] }))
  expect(made.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: [2] }])
  expect([...made.run({ x }).y.data]).toEqual([0, 2])
  expect(() => made.run({})).toThrow('onnx got no input "x"')
  expect(() => made.run({ x, z: x })).toThrow('onnx got the input "z", which the model has not')
  expect(() => made.run({ x: { shape: [3], data: [1, 2, 3] } })).toThrow('onnx got input "x" of the shape [3]')
  expect(() => made.run({ x: { shape: [2], data: [1, 2, 3] } })).toThrow('numbers   3')
})

test('versions that nobody has written yet are refused', async () => {
  await expect(importOnnx(model({ node: [relu('x', 'y')], output: [y] }, 99))).rejects.toThrow(
    /^unsupported: opset 99\n/,
  )
})
