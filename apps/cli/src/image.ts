import { inflateSync } from 'node:zlib'
import { convertIndexedToRgb, type DecodedPng, decode } from 'fast-png'
import { DataError } from 'nabla'
import { centred, type Grey, lightOnDark } from './ink.ts'

const side = 28
const largestSide = 4096
const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

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
