import { crc32, deflateSync } from 'node:zlib'
import { encode } from 'fast-png'
import { describe, expect, test } from 'vitest'
import { decodeGrey, readImage } from '../src/image.ts'

/** A vertical stroke: `ink` on `paper`, with `channels` samples a pixel. */
function stroke(
  width: number,
  height: number,
  { ink = 255, paper = 0, channels = 1, alpha = [255, 255] } = {},
): Uint8Array {
  const data = new Uint8Array(width * height * channels)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const on = Math.abs(x - width * 0.3) < width * 0.06 && Math.abs(y - height / 2) < height * 0.3
      for (let c = 0; c < channels; c++) data[(y * width + x) * channels + c] = on ? ink : paper
      if (channels % 2 === 0) data[(y * width + x) * channels + channels - 1] = alpha[on ? 0 : 1]
    }
  return encode({ width, height, data, channels, depth: 8 })
}

const inkOf = (image: Float32Array) => {
  let [mass, x, y] = [0, 0, 0]
  for (const [at, value] of image.entries()) {
    mass += value
    x += value * ((at % 28) + 0.5)
    y += value * (Math.floor(at / 28) + 0.5)
  }
  return { mass, x: x / mass, y: y / mass }
}

/** A PNG with bits of our own, for the forms that the encoder does not write. */
function png(
  width: number,
  height: number,
  depth: number,
  colour: number,
  rows: number[],
  extra: [string, number[]][] = [],
) {
  const chunk = (type: string, data: Uint8Array) => {
    const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    const body = Buffer.concat([Buffer.from(type), data])
    size.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([size, body, sum])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width)
  header.writeUInt32BE(height, 4)
  header.set([depth, colour], 8)
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    ...extra.map(([type, data]) => chunk(type, Uint8Array.from(data))),
    chunk('IDAT', deflateSync(Uint8Array.from(rows))),
    chunk('IEND', new Uint8Array()),
  ])
}

describe('a picture of any size', () => {
  test.each([
    ['light on dark', stroke(100, 140)],
    ['dark on light', stroke(100, 140, { ink: 10, paper: 240 })],
    ['colours', stroke(64, 64, { channels: 3, ink: 0, paper: 255 })],
    ['black ink on nothing', stroke(90, 90, { channels: 4, ink: 0, alpha: [255, 0] })],
    ['white ink on nothing', stroke(90, 90, { channels: 4, ink: 255, paper: 255, alpha: [255, 0] })],
    ['grey with alpha', stroke(90, 90, { channels: 2, ink: 0, alpha: [255, 0] })],
    ['smaller than 28×28', stroke(17, 17)],
  ])('becomes a centred stroke 20 pixels tall: %s', async (_, bytes) => {
    const image = await readImage(bytes, 'stroke.png')
    expect(image).toHaveLength(784)
    const rows = Array.from({ length: 28 }, (_, y) => image.subarray(y * 28, y * 28 + 28).some(value => value > 0.3))
    expect(rows.filter(Boolean)).toHaveLength(20)
    expect(Math.abs(inkOf(image).x - 14)).toBeLessThan(0.51)
    expect(Math.abs(inkOf(image).y - 14)).toBeLessThan(0.51)
    expect(Math.max(...image)).toBeGreaterThan(0.9)
    expect(image[0]).toBe(0)
  })

  test('keeps its ink when it is averaged', async () => {
    const [small, large] = await Promise.all([readImage(stroke(50, 50), 'a'), readImage(stroke(400, 400), 'b')])
    expect(inkOf(small).mass / inkOf(large).mass).toBeCloseTo(1, 0)
  })
})

describe('a 28×28 picture', () => {
  const bytes = stroke(28, 28)

  test('is taken pixel by pixel', async () => {
    expect([...(await readImage(bytes, 'a.png'))]).toEqual([...(await decodeGrey(bytes, 'a.png')).pixels])
  })

  test('is inverted when its border is light, unless it is raw', async () => {
    const light = stroke(28, 28, { ink: 0, paper: 255 })
    expect([...(await readImage(light, 'a.png'))]).toEqual([...(await decodeGrey(bytes, 'a.png')).pixels])
    expect((await readImage(light, 'a.png', { raw: true }))[0]).toBe(1)
  })
})

describe('every depth is decoded', () => {
  test.each([
    ['1 bit', png(3, 1, 1, 0, [0, 0b10100000]), [1, 0, 1]],
    ['2 bits', png(3, 1, 2, 0, [0, 0b11000100]), [1, 0, 1 / 3]],
    ['4 bits', png(3, 1, 4, 0, [0, 0xf0, 0x30]), [1, 0, 0.2]],
    ['16 bits', png(1, 1, 16, 0, [0, 0xff, 0xff]), [1]],
    ['a palette', png(2, 1, 1, 3, [0, 0b10000000], [['PLTE', [0, 0, 0, 255, 255, 255]]]), [1, 0]],
  ])('%s', async (_, bytes, expected) => {
    const { pixels } = await decodeGrey(bytes, 'a.png')
    for (const [i, value] of expected.entries()) expect(pixels[i]).toBeCloseTo(value, 5)
  })
})

describe('bad pictures are refused with a hint', () => {
  const whole = stroke(40, 40)
  test.each([
    ['no PNG', new TextEncoder().encode('GIF89a, honestly'), /no sound PNG: it begins otherwise[\s\S]*hint:/],
    ['cut short', whole.subarray(0, 60), /ends in the middle[\s\S]*hint:/],
    ['empty', new Uint8Array(), /no sound PNG: it begins otherwise[\s\S]*hint:/],
    ['blank', stroke(40, 40, { ink: 0 }), /nothing but its background[\s\S]*hint:/],
    ['huge', png(60000, 60000, 8, 0, [0]), /60000×60000, more than 32 MiB[\s\S]*hint:/],
    ['a bomb', png(2, 2, 8, 0, Array(100_000).fill(0)), /no sound PNG: its pixels are damaged[\s\S]*hint:/],
    ['too little data', png(200, 200, 8, 0, [0, 1, 2]), /no sound PNG: its pixels are damaged[\s\S]*hint:/],
  ])('%s', async (_, bytes, message) => {
    await expect(readImage(bytes, 'a.png')).rejects.toThrow(message)
  })

  test('another size with --raw', async () => {
    await expect(readImage(whole, 'a.png', { raw: true })).rejects.toThrow(
      '"a.png" is 40×40, but --raw expects 28×28\n  hint: leave --raw out',
    )
  })
})
