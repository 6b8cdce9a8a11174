import { gzipSync } from 'node:zlib'
import { layers, NablaError, sequential, toBytes } from 'nabla'
import { type FileKind, inspect, readArrays } from 'nabla/inspect'
import { toKeras } from 'nabla/keras'
import { writeNpy, writeNpz } from 'nabla/npy'
import { exportOnnx } from 'nabla/onnx'
import { writeSafetensors } from 'nabla/safetensors'
import { describe, expect, test } from 'vitest'
import { samples } from './fuzz/inspected.ts'

const fixture = (name: string) => new URL(`../fixtures/${name}`, import.meta.url)
const text = (value: string) => new TextEncoder().encode(value)

describe('a file is known by what is in it', () => {
  const kinds: [string, FileKind, string][] = [
    ['keras.keras', 'keras', 'layers, tensors'],
    ['keras.h5', 'hdf5', 'layers, tensors'],
    ['keras.weights.h5', 'hdf5', 'tensors'],
    ['model.json', 'tfjs', 'layers'],
    ['model.onnx', 'onnx', 'inputs, outputs, operators, layers, tensors'],
    ['model.safetensors', 'nabla', 'layers, tensors'],
    ['x.safetensors', 'safetensors', 'tensors'],
    ['x.npy', 'npy', 'tensors'],
    ['x.npz', 'npz', 'tensors'],
    ['x.csv', 'csv', 'columns'],
    ['x.jsonl', 'lines', 'fields'],
    ['x.json', 'json', 'fields'],
    ['x.png', 'png', 'chunks'],
    ['x.idx', 'idx', 'tensors'],
  ]
  test.each(kinds)('%s is of the kind %s and has %s', async (name, kind, tables) => {
    const bytes = await samples[name]()
    for (const source of [bytes, new File([gzipSync(bytes)], `${name}.gz`)]) {
      const found = await inspect(source)
      expect(found.kind).toBe(kind)
      expect(Object.keys(found.tables).join(', ')).toBe(tables)
    }
    expect(await inspect(new File([new Uint8Array(bytes)], 'misleading.txt'))).toMatchObject({ kind })
  })

  test('and by its name where that says nothing', async () => {
    expect(await inspect(new File(['1\n2\n'], 'one.csv'))).toMatchObject({
      kind: 'csv',
      about: { rows: 2, columns: 1 },
    })
    expect(await inspect(text('Dear reader,\nhello'))).toMatchObject({
      kind: 'unknown',
      problems: [expect.any(String)],
    })
  })
})

test('a model shows its layers, and each array with its span and mean', async () => {
  const net = sequential([layers.input([2]), layers.dense(2, { name: 'first' })], { name: 'net' })
  net.setWeights([{ name: 'first/W', data: [1, 2, 3, 6] }])
  const about = { name: 'net', input: '[2]', output: '[2]', parameters: 6 }
  const rows = [{ layer: 'first', type: 'dense', 'output shape': '[2]', parameters: 6 }]
  const W = { shape: '[2, 2]', bytes: 16, min: 1, max: 6, mean: 3 }
  for (const bytes of [toBytes(net), await toKeras(net)]) {
    const { tables, problems, ...found } = await inspect(bytes)
    expect(problems).toEqual([])
    expect(found.about).toMatchObject(about)
    expect(tables.layers.slice(-1)).toMatchObject(rows)
    expect(tables.tensors).toContainEqual(expect.objectContaining(W))
  }
  const { about: facts, tables } = await inspect(await exportOnnx(net))
  expect(facts).toMatchObject({ opset: expect.any(String), 'ONNX IR': expect.any(Number) })
  expect(tables.inputs).toMatchObject([{ dtype: 'float32', shape: expect.stringMatching(/^\[.*2\]$/) }])
  expect(tables.operators.every(({ runs }) => runs === 'yes')).toBe(true)
  expect(tables.tensors).toContainEqual(expect.objectContaining({ ...W, dtype: 'float32' }))
})

test('a model of TensorFlow.js shows the arrays of the shards beside it', async () => {
  const { tables, problems } = await inspect(fixture('tfjs/digits/model.json').pathname)
  expect(problems).toEqual([])
  expect(tables.tensors.length).toBeGreaterThan(5)
})

describe('what cannot be loaded', () => {
  test('says all that stands in the way', async () => {
    const layer = (class_name: string, name: string) => ({ class_name, config: { name, units: 2 } })
    const config = { layers: [layer('Mystery', 'one'), layer('Dense', 'two'), layer('Lambda', 'three')] }
    const modelTopology = { model_config: { class_name: 'Sequential', config } }
    const found = await inspect(text(JSON.stringify({ modelTopology, weightsManifest: [] })))
    expect(found.problems[0]).toBe('2 of 3 layers cannot be mapped')
    expect(found.problems.slice(1).map(line => line.trim().split(/\s/)[0])).toEqual(['one', 'three'])
    expect(found.tables.layers.map(({ type }) => type)).toEqual(['Mystery', 'Dense', 'Lambda'])
  })

  test('is described as far as it can be', async () => {
    const file = writeSafetensors([{ name: 'x', shape: [2], data: new Float32Array(2) }])
    const { tables, problems } = await inspect(file.subarray(0, -1))
    expect(tables.tensors).toEqual([{ name: 'x', dtype: 'F32', shape: '[2]' }])
    expect(problems).toHaveLength(1)
    const objects = Buffer.from(writeNpy({ shape: [2], data: new Float64Array(2) })).toString('latin1')
    const found = await inspect(Buffer.from(objects.replace("'<f8'", "'|O8'"), 'latin1'))
    expect(found.about.header).toContain('|O8')
    expect(found.problems[0]).toContain('|O8')
  })

  test('is never a pickle', async () => {
    for (const bytes of [Uint8Array.of(0x80, 2, 0x8a), writeNpz({})])
      expect((await inspect(bytes)).kind).toMatch(/torch|zip/)
  })
})

test('a table shows its columns', async () => {
  const { tables, about } = await inspect(new File(['\ufeffa,b\r\n1,"x,\ny"\r\n,z\r\n-2.5,x\r\n'], 'some.csv'))
  expect(about).toEqual({ rows: 3, columns: 2 })
  expect(tables.columns).toEqual([
    { column: 'a', holds: 'numbers', missing: 1, different: 2, min: -2.5, max: 1, mean: -0.75 },
    { column: 'b', holds: 'texts', missing: 0, different: 3, min: null, max: null, mean: null },
  ])
})

describe('the arrays of a file', () => {
  test('come out as they were written', async () => {
    const whole = { shape: [2], data: BigInt64Array.of(1n, 2n ** 60n) }
    const half = { shape: [2, 1], data: Float64Array.of(0.1, -3) }
    expect(await readArrays(writeNpz({ whole, half }))).toMatchObject([
      { name: 'whole', ...whole },
      { name: 'half', ...half },
    ])
    expect(await readArrays(new File(['a,b\n1,2\n3,4.5\n'], 'x.csv'))).toEqual([
      { name: 'x', shape: [2, 2], data: Float64Array.of(1, 2, 3, 4.5) },
    ])
  })

  test('are missed where there are none, and refused where they are no numbers', async () => {
    await expect(readArrays(await samples['x.png']())).rejects.toThrow(NablaError)
    await expect(readArrays(new File(['a,b\n1,x\n'], 'x.csv'))).rejects.toThrow(
      'x.csv row 2 column 2 holds "x", expected a number',
    )
  })
})
