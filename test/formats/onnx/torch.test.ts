import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { fromBytes, type Model, toBytes } from 'nabla'
import { exportOnnx, importOnnx, loadOnnx } from 'nabla/onnx'
import { describe, expect, test } from 'vitest'

interface Packed {
  shape: number[]
  data: number[]
}
const file = new URL('fixtures/torch.json.gz', import.meta.url)
const models: Record<string, { model: string; x: Packed; y: Packed }> = JSON.parse(
  gunzipSync(readFileSync(file)).toString(),
)
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'))

function near(got: ArrayLike<number | bigint>, expected: ArrayLike<number>, what: string) {
  expect(got.length).toBe(expected.length)
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(Number(got[i]) - expected[i]), `${what}, number ${i}`).toBeLessThan(1e-5)
}

describe.each(Object.entries(models))('the %s that PyTorch exports', (name, { model, x, y }) => {
  test('gives what PyTorch gives', async () => {
    const made = await importOnnx(bytes(model))
    const result = made.run({ x }).y
    expect(result.shape).toEqual(y.shape)
    near(result.data, y.data, 'run')
  })

  test('becomes layers that predict the same, before and after they are saved', async () => {
    const made = await loadOnnx(bytes(model))
    near((await made.predict(Float32Array.from(x.data))).data, y.data, 'predict')
    if (!/opset 17$/.test(name)) return
    const again = fromBytes(toBytes(made))
    near(await again.forward(x.shape[0], x.data), y.data, 'saved')
    const back = (await importOnnx(await exportOnnx(made))).run({ x: { shape: x.shape, data: x.data } })
    near(Object.values(back)[0].data, y.data, 'exported')
  })

  test.runIf(/opset 17$/.test(name))('trains on', async () => {
    const made: Model = await loadOnnx(bytes(model))
    made.compile({ optimizer: { name: 'adam', params: { learningRate: 0.01 } }, loss: 'meanSquaredError' })
    const goal = y.data.map((_, i) => Math.sin(i))
    const losses: number[] = []
    for (let step = 0; step < 12; step++) losses.push((await made.run('train', x.shape[0], x.data, goal))[0])
    expect(losses[11]).toBeLessThan(losses[0])
  })
})

test('images may come with their channels last', async () => {
  const { model, x, y } = models['cnn, opset 17']
  const made = await loadOnnx(bytes(model), { channelsLast: true })
  expect(made.inputShape).toEqual([14, 14, 1])
  near((await made.predict(Float32Array.from(x.data))).data, y.data, 'predict')
})
