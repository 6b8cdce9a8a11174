import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { importOnnx } from 'nabla/onnx'
import { expect, test } from 'vitest'

interface Packed {
  shape: number[]
  data: number[]
}
const file = new URL('fixtures/torch.json.gz', import.meta.url)
const models: Record<string, { model: string; x: Packed; y: Packed }> = JSON.parse(
  gunzipSync(readFileSync(file)).toString(),
)

test.each(Object.entries(models))(
  'the %s that PyTorch exports gives what PyTorch gives',
  async (_, { model, x, y }) => {
    const made = await importOnnx(Uint8Array.from(Buffer.from(model, 'base64')))
    const result = made.run({ x }).y
    expect(result.shape).toEqual(y.shape)
    y.data.forEach((value, i) => {
      expect(Math.abs(Number(result.data[i]) - value)).toBeLessThan(1e-5)
    })
  },
)
