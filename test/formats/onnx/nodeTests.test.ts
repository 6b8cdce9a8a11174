import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { importOnnx, type OnnxFeed, type OnnxResult, readOnnxTensor } from 'nabla/onnx'
import { describe, expect, test } from 'vitest'

type Case = Record<string, string>
const load = (name: string): [string, Case][] =>
  Object.entries(JSON.parse(gunzipSync(readFileSync(new URL(`fixtures/${name}.json.gz`, import.meta.url))).toString()))
const cases = load('nodeTests')
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'))

/** What may be refused; nothing else is. */
const types = 'SEQUENCE|STRING|OPTIONAL|FLOAT8|FLOAT4|U?INT[24]'
const operators =
  'Bernoulli|DFT inverse|INT64 value|TfIdfVectorizer|ImageDecoder|Optional|LinearAttention|CausalConvWithState|RoiAlign mode max|ai\\.onnx\\.(ml|preview)\\.'
const refused = new RegExp(`^unsupported: (${types}|${operators})`)

async function outcome(parts: Case): Promise<[got: OnnxResult[], expected: OnnxResult[]]> {
  const model = await importOnnx(bytes(parts.model))
  const feeds: Record<string, OnnxFeed> = {}
  for (const [i, { name }] of model.inputs.entries()) feeds[name] = await readOnnxTensor(bytes(parts[`input_${i}`]))
  const results = model.run(feeds)
  const expected = model.outputs.map((_, i) => readOnnxTensor(bytes(parts[`output_${i}`])))
  return [model.outputs.map(({ name }) => results[name]), await Promise.all(expected)]
}

function agree(got: OnnxResult, expected: OnnxResult) {
  // The generator stores bfloat16 as its bits.
  const bits = got.dtype === 'bfloat16' && expected.dtype === 'uint16'
  if (!bits) expect(got.dtype).toBe(expected.dtype)
  expect(got.shape).toEqual(expected.shape)
  for (let i = 0; i < got.data.length; i++) {
    const a = bits ? new Uint16Array(got.data.buffer)[2 * i + 1] : Number(got.data[i])
    const b = Number(expected.data[i])
    if (!Object.is(a, b) && a !== b && !(Math.abs(a - b) <= 1e-7 + 1e-3 * Math.abs(b))) expect(a, `number ${i}`).toBe(b)
  }
}

describe('the node tests of ONNX 1.22', () => {
  test.each(cases)('%s is right, or refused by name', async (_, parts) => {
    const result = await outcome(parts).catch((error: Error) => error)
    if (result instanceof Error) return expect(result.message).toMatch(refused)
    const [got, expected] = result
    got.forEach((one, i) => {
      agree(one, expected[i])
    })
  })

  test('at least four of five are computed', async () => {
    const results = await Promise.allSettled(cases.map(([, parts]) => outcome(parts)))
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(cases.length * 0.8)
  })
})

describe('operators newer than those tests, and settings they leave out', () => {
  test.each(load('runtimeCases'))('%s gives what onnxruntime gives', async (_, parts) => {
    const [got, expected] = await outcome(parts)
    got.forEach((one, i) => {
      agree(one, expected[i])
    })
  })
})
