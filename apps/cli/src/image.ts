import { inflateSync } from 'node:zlib'
import { convertIndexedToRgb, type DecodedPng, decode } from 'fast-png'
import { DataError } from 'nabla'

const side = 28
const box = 20
const largestSide = 4096
const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

/** A grey picture, row by row. */
export interface Grey {
  width: number
  height: number
  pixels: Float32Array
}

/**
 * Turn the bytes of a PNG into the 28×28 ink, 0 to 1, that MNIST would have made of it.
 *
 * `raw` takes a 28×28 picture as it is: white is ink.
 */
export async function readImage(bytes: Uint8Array, name: string, { raw = false } = {}): Promise<Float32Array> {
  const picture = decodeGrey(bytes, name)
  const { width, height, pixels } = picture
  if (raw) {
    if (width === side && height === side) return pixels
    throw new DataError('image-size', `"${name}" is ${width}×${height}, but --raw expects ${side}×${side}`, {
      hint: 'leave --raw out to have the picture centred and scaled',
    })
  }
  const ink = lightOnDark(picture)
  if (ink.pixels.every(value => value === 0))
    throw new DataError('image-blank', `"${name}" shows nothing but its background`, {
      hint: 'use a picture of one digit that stands out from the background',
    })
  return width === side && height === side ? ink.pixels : centred(ink)
}

/** Decode any PNG to luminance from 0 (black) to 1 (white). */
export function decodeGrey(bytes: Uint8Array, name: string): Grey {
  const png = decodeSafely(bytes, name)
  const { width, height } = png
  const { data, channels, scale } = samples(png)
  const light = new Float32Array(width * height)
  const alpha = new Float32Array(width * height).fill(1)
  for (let i = 0, at = 0; i < light.length; i++, at += channels) {
    light[i] = (channels < 3 ? data[at] : 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]) / scale
    if (channels % 2 === 0) alpha[i] = data[at + channels - 1] / scale
  }
  const opaque = alpha.reduce((sum, a) => sum + a, 0)
  // Ink drawn on nothing: lay it on the paper that shows it.
  const paper = light.reduce((sum, value, i) => sum + value * alpha[i], 0) > opaque / 2 ? 0 : 1
  return { width, height, pixels: light.map((value, i) => value * alpha[i] + paper * (1 - alpha[i])) }
}

/** The decoder is handed only the chunks that carry pixels, once these are known to fit the size they claim. */
function decodeSafely(bytes: Uint8Array, name: string): DecodedPng {
  const broken = (reason: string) =>
    new DataError('image-broken', `"${name}" is not a PNG that can be read`, {
      evidence: [['reason', reason]],
      hint: 'save the picture again as PNG',
    })
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!file.subarray(0, 8).equals(signature)) throw broken('its first bytes are not those of a PNG')
  const kept: Uint8Array[] = [signature]
  const packed: Buffer[] = []
  for (let at = 8; ; ) {
    if (at + 12 > file.length) throw broken('it ends in the middle')
    const end = at + 12 + file.readUInt32BE(at)
    const type = file.toString('latin1', at + 4, at + 8)
    if (end > file.length) throw broken('it ends in the middle')
    if (kept.length === 1 && (type !== 'IHDR' || end !== at + 25)) throw broken('it does not begin with its size')
    if (type === 'IDAT') packed.push(file.subarray(at + 8, end - 4))
    if (['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND'].includes(type)) kept.push(file.subarray(at, end))
    if (type === 'IEND') break
    at = end
  }
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)]
  if (width === 0 || height === 0) throw broken('it has no pixels')
  if (width > largestSide || height > largestSide)
    throw new DataError(
      'image-too-large',
      `"${name}" is ${width}×${height}, but at most ${largestSide} a side is read`,
      {
        hint: 'scale the picture down first',
      },
    )
  try {
    inflateSync(Buffer.concat(packed), { maxOutputLength: (width * 8 + 8) * height * 2 + 64 })
    return decode(Buffer.concat(kept))
  } catch (error) {
    throw broken((error as Error).message)
  }
}

/** One number a sample, whatever the depth or palette. */
function samples(png: DecodedPng): { data: ArrayLike<number>; channels: number; scale: number } {
  const { width, height, depth, channels, data, palette } = png
  if (palette) {
    const colours = convertIndexedToRgb(png)
    return { data: colours, channels: colours.length / (width * height), scale: 255 }
  }
  if (depth >= 8) return { data, channels, scale: 2 ** depth - 1 }
  const stride = Math.ceil((width * depth) / 8)
  const unpacked = Uint8Array.from({ length: width * height }, (_, i) => {
    const bit = (i % width) * depth
    return (data[Math.floor(i / width) * stride + (bit >> 3)] >> (8 - depth - (bit & 7))) & (2 ** depth - 1)
  })
  return { data: unpacked, channels: 1, scale: 2 ** depth - 1 }
}

/** Ink as light on dark, from 0 to 1: inverted when the border is light, the background taken away. */
export function lightOnDark({ width, height, pixels }: Grey): Grey {
  let border = 0
  for (let x = 0; x < width; x++) border += pixels[x] + pixels[(height - 1) * width + x]
  for (let y = 0; y < height; y++) border += pixels[y * width] + pixels[(y + 1) * width - 1]
  border /= 2 * (width + height)
  const ink = border > 0.5 ? pixels.map(value => border - value) : pixels.map(value => value - border)
  const most = ink.reduce((a, b) => Math.max(a, b), 0)
  return { width, height, pixels: ink.map(value => (most < 0.05 ? 0 : Math.max(0, value / most))) }
}

/** Fit the ink into 20×20 by averaging areas, and put its centre of mass in the middle of 28×28. */
export function centred(picture: Grey): Float32Array {
  const { left, top, width, height } = bounds(picture)
  const zoom = box / Math.max(width, height)
  const [columns, rows] = [Math.max(1, Math.round(width * zoom)), Math.max(1, Math.round(height * zoom))]
  const small = new Float32Array(columns * rows)
  let [mass, massX, massY] = [0, 0, 0]
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      const value = area(
        picture,
        left + (x * width) / columns,
        top + (y * height) / rows,
        width / columns,
        height / rows,
      )
      small[y * columns + x] = value
      mass += value
      massX += value * (x + 0.5)
      massY += value * (y + 0.5)
    }
  const place = (centre: number, length: number) => Math.min(side - length, Math.max(0, Math.round(side / 2 - centre)))
  const [right, down] = [place(massX / mass, columns), place(massY / mass, rows)]
  const result = new Float32Array(side * side)
  for (let y = 0; y < rows; y++) result.set(small.subarray(y * columns, (y + 1) * columns), (y + down) * side + right)
  return result
}

/** The smallest rectangle that holds the ink. */
function bounds({ width, height, pixels }: Grey) {
  let [left, top, right, bottom] = [width, height, -1, -1]
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (pixels[y * width + x] > 0.2) {
        left = Math.min(left, x)
        right = Math.max(right, x)
        top = Math.min(top, y)
        bottom = Math.max(bottom, y)
      }
  return { left, top, width: right - left + 1, height: bottom - top + 1 }
}

/** Mean of the picture over a rectangle with corners between the pixels. */
function area({ width: stride, pixels }: Grey, left: number, top: number, width: number, height: number): number {
  let sum = 0
  for (let y = Math.floor(top); y < top + height - 1e-9; y++) {
    const tall = Math.min(y + 1, top + height) - Math.max(y, top)
    for (let x = Math.floor(left); x < left + width - 1e-9; x++)
      sum += tall * (Math.min(x + 1, left + width) - Math.max(x, left)) * (pixels[y * stride + x] || 0)
  }
  return sum / (width * height)
}
