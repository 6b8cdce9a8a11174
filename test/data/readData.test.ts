import { gzipSync } from 'node:zlib'
import { readData } from 'nabla/data'
import { writeNpy, writeNpz } from 'nabla/npy'
import { describe, expect, it } from 'vitest'
import type { DataOptions } from '../../src/formats/data/index.ts'

const x = { shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) }
const y = { shape: [3], data: BigInt64Array.of(0n, 1n, 2n) }
const idx = (shape: number[], values: number[]) =>
  Uint8Array.from([0, 0, 8, shape.length, ...shape.flatMap(extent => [0, 0, 0, extent]), ...values])
const bytes = (text: string) => new TextEncoder().encode(text)
const csv = 'label,a,b\n0,1,2\n1,3,4\n2,5,6\n'

async function rows(...given: Parameters<typeof readData>) {
  const data = await readData(...given)
  const size = data.inputShape.reduce((a, b) => a * b, data.size)
  const [x, y] = [new Float64Array(size), new Float64Array(data.size)]
  data.fill(Array.from({ length: data.size }, (_, row) => row), x, data.hasTargets ? y : undefined) // biome-ignore format: one thought
  return [data.inputShape, [...x], data.hasTargets ? [...y] : undefined]
}

describe('the same samples', () => {
  const lines = '{"a":1,"b":2,"label":0}\n{"a":3,"b":4,"label":1}\n{"a":5,"b":6,"label":2}'
  it.each<[string, Parameters<typeof readData>[0], DataOptions]>([
    ['CSV', bytes(csv), {}],
    ['CSV with a byte order mark', bytes(`\ufeff${csv}`), {}],
    ['packed CSV', gzipSync(csv), {}],
    ['JSON lines', bytes(`\n ${lines}`), {}],
    ['JSON lines in a Blob', new Blob([lines]), {}],
    ['npz', writeNpz({ x, y }), {}],
    ['npz of other names', writeNpz({ other: x, train: x, answers: y }), { x: 'train', y: 'answers' }],
    ['npz with a column of targets', writeNpz({ x, y: { ...y, shape: [3, 1] } }), { classes: 3 }],
    ['npy of both', { x: writeNpy(x), y: gzipSync(writeNpy(y)) }, {}],
    ['idx of both', { x: gzipSync(idx([3, 2], [1, 2, 3, 4, 5, 6])), y: idx([3], [0, 1, 2]) }, {}],
    ['an ArrayBuffer', bytes(csv).buffer as ArrayBuffer, {}],
  ])('come from %s', async (_, source, options) => {
    expect(await rows(source, options)).toEqual([[2], [1, 2, 3, 4, 5, 6], [0, 1, 2]])
  })

  it.each<[string, Parameters<typeof readData>[0], DataOptions]>([
    ['npy alone', writeNpy(x), {}],
    ['npz of one array', writeNpz({ samples: x }), {}],
    ['npz without its targets', writeNpz({ x, y }), { y: false }],
  ])('come without targets from %s', async (_, source, options) => {
    expect(await rows(source, { ...options, inputShape: [1, 2] })).toEqual([[1, 2], [1, 2, 3, 4, 5, 6], undefined])
  })
})

it.each<[string, Parameters<typeof readData>[0], DataOptions]>([
  ['no-such-part', writeNpz({ a: x, b: y }), {}],
  ['no-such-part', writeNpz({ x, y }), { y: 'z' }],
  ['bad-label', writeNpz({ x, y }), { classes: 2 }],
  ['bad-zip', bytes('PK nothing'), {}],
  ['bad-gzip', Uint8Array.of(0x1f, 0x8b, 8, 0), {}],
  ['empty-table', new Uint8Array(0), {}],
  ['unreadable', '/nowhere/at/all.csv', {}],
])('%s is said of what cannot be read', async (code, source, options) => {
  await expect(readData(source, options)).rejects.toMatchObject({ code })
})

it('is short about text that is given for a path', async () => {
  const text = 'label,a\n1,2\n'.repeat(100_000)
  const error: Error = await readData(text).then(
    () => Promise.reject('read'),
    error => error,
  )
  expect(error.message).toMatch(/^"label,a\\n1,2\\n.*… cannot be read: .*\n {2}hint: text is taken for the path/)
  expect(error.message.length).toBeLessThan(600)
})
