import { DataError, nothingElse } from '../errors.ts'
import { turned } from '../tensor/turned.ts'
import { joined } from './files.ts'
import { inflated } from './inflate.ts'

/** A picture of bytes, row by row: grey, or red, green and blue. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  readonly data: Uint8Array
}

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const known = ['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']
const samplesOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }

export const isPng = (bytes: Uint8Array) => signature.every((byte, i) => bytes[i] === byte)

export interface PngOptions {
  /** What transparent parts lie on: white by default, or with `contrast` black where what is drawn is light. */
  paper?: 'white' | 'contrast'
}

/**
 * Decodes a PNG of any kind: 16 bits become 8, palettes colours, and what is transparent lies on paper.
 *
 * The decoder is handed only the chunks that carry pixels, once these are known to be as many as the size claims.
 * @param name what the picture is called in errors
 * @throws DataError `bad-png`, `too-large`, `missing-package`
 * @example
 * const { width, height, channels, data } = await readPng(bytes, 'rose.png')
 */
export async function readPng(
  bytes: Uint8Array,
  name = 'the picture',
  { paper = 'white', ...others }: PngOptions = {},
): Promise<Picture> {
  nothingElse('readPng', others, { paper })
  const fail = (what: string) =>
    new DataError('bad-png', `${name} is no sound PNG: ${what}`, { hint: 'save the picture again as PNG' })
  if (!isPng(bytes)) throw fail('it begins otherwise')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const kept: Uint8Array[] = [bytes.subarray(0, 8)]
  const packed: Uint8Array[] = []
  for (let at = 8, type = ''; type !== 'IEND'; ) {
    if (at + 12 > bytes.length) throw fail('it ends in the middle')
    const end = at + 12 + view.getUint32(at)
    type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    if (end > bytes.length) throw fail('it ends in the middle')
    if (kept.length === 1 && (type !== 'IHDR' || end !== at + 25)) throw fail('it does not begin with its size')
    if (type === 'IDAT') packed.push(bytes.subarray(at + 8, end - 4))
    if (known.includes(type)) kept.push(bytes.subarray(at, end))
    at = end
  }
  const [width, height] = [view.getUint32(16), view.getUint32(20)]
  const [depth, kind, , , interlaced] = bytes.subarray(24, 29)
  if (width === 0 || height === 0 || !(kind in samplesOf) || interlaced > 1) throw fail('it has no pixels')
  const size = rawSize(width, height, depth * samplesOf[kind], interlaced === 1)
  if (size > Math.max(2 ** 25, 16 * bytes.length))
    throw new DataError('too-large', `${name} is ${width}×${height}, more than 32 MiB of pixels`, {
      hint: 'scale the picture down first',
    })
  const rows = await inflated(joined(...packed), 'deflate', size).catch(() => undefined)
  if (rows?.length !== size) throw fail('its pixels are damaged')
  const { convertIndexedToRgb, decode } = await import('fast-png').catch(() => {
    throw new DataError('missing-package', `${name} is a PNG, and fast-png is not installed`, {
      hint: 'npm install fast-png',
    })
  })
  try {
    const png = decode(joined(...kept), { checkCrc: true })
    if (!png.palette)
      return opaque(width, height, png.channels, png.depth < 8 ? spread(png) : png.data, 2 ** png.depth - 1, paper)
    const colours = convertIndexedToRgb(png)
    return opaque(width, height, colours.length / (width * height), colours, 255, paper)
  } catch (error) {
    throw fail((error as Error).message.slice(0, 60))
  }
}

/** How many bytes the rows are, each behind the byte of its filter; interlaced ones in seven smaller pictures. */
function rawSize(width: number, height: number, bits: number, isInterlaced: boolean): number {
  const rows = (w: number, h: number) => (w > 0 && h > 0 ? (Math.ceil((w * bits) / 8) + 1) * h : 0)
  if (!isInterlaced) return rows(width, height)
  const passes = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]] // biome-ignore format: a table
  const part = (extent: number, from: number, step: number) => Math.ceil((extent - from) / step)
  return passes.reduce((sum, [x, y, dx, dy]) => sum + rows(part(width, x, dx), part(height, y, dy)), 0)
}

/** One number a sample, of pixels of 1, 2 or 4 bits. */
function spread({
  width,
  height,
  depth,
  data,
}: {
  width: number
  height: number
  depth: number
  data: ArrayLike<number>
}) {
  const stride = Math.ceil((width * depth) / 8)
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const bit = (i % width) * depth
    return (data[Math.floor(i / width) * stride + (bit >> 3)] >> (8 - depth - (bit & 7))) & (2 ** depth - 1)
  })
}

function opaque(
  width: number,
  height: number,
  channels: number,
  from: ArrayLike<number>,
  most: number,
  paper: 'white' | 'contrast',
): Picture {
  const colours = channels < 3 ? 1 : 3
  if (channels === colours && most === 255) return { width, height, channels, data: Uint8Array.from(from) }
  const alpha = (i: number) => (channels % 2 === 0 ? from[(i + 1) * channels - 1] / most : 1)
  let excess = 0 // of light over dark in what is drawn
  if (paper === 'contrast')
    for (let i = 0; i < width * height; i++)
      for (let c = 0; c < colours; c++) excess += (from[i * channels + c] / most - 0.5) * alpha(i)
  const under = excess > 0 ? 0 : 1
  const data = new Uint8Array(width * height * colours)
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < colours; c++)
      data[i * colours + c] = Math.round(255 * ((from[i * channels + c] / most) * alpha(i) + under * (1 - alpha(i))))
  return { width, height, channels: colours, data }
}

/** The picture in grey or in colours. */
export function inChannels({ width, height, channels, data }: Picture, wanted: 1 | 3): Picture {
  if (channels === wanted) return { width, height, channels, data }
  const out = new Uint8Array(width * height * wanted)
  for (let i = 0; i < width * height; i++)
    if (wanted === 1) out[i] = Math.round(0.299 * data[3 * i] + 0.587 * data[3 * i + 1] + 0.114 * data[3 * i + 2])
    else out.fill(data[i], 3 * i, 3 * i + 3)
  return { width, height, channels: wanted, data: out }
}

/** The picture at another size: each pixel is the mean of what it covers, weighted by a triangle, as Pillow's BILINEAR. */
export function resized(picture: Picture, [height, width]: readonly [number, number]): Picture {
  const { channels } = picture
  const rows = along(picture.data, picture.height, picture.width, channels, width)
  const columns = flipped(rows, picture.height, width, channels)
  const data = flipped(along(columns, width, picture.height, channels, height), width, height, channels)
  return { width, height, channels, data }
}

function along(data: Uint8Array, rows: number, from: number, channels: number, to: number): Uint8Array {
  if (from === to) return data
  const out = new Uint8Array(rows * to * channels)
  const scale = from / to
  const reach = Math.max(1, scale)
  for (let x = 0; x < to; x++) {
    const centre = (x + 0.5) * scale
    const first = Math.max(0, Math.floor(centre - reach + 0.5))
    const last = Math.min(from, Math.floor(centre + reach + 0.5))
    const weights = Float64Array.from({ length: last - first }, (_, i) =>
      Math.max(0, 1 - Math.abs((first + i + 0.5 - centre) / reach)),
    )
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    for (let y = 0; y < rows; y++)
      for (let c = 0; c < channels; c++) {
        let sum = 0
        for (let i = 0; i < weights.length; i++) sum += weights[i] * data[(y * from + first + i) * channels + c]
        out[(y * to + x) * channels + c] = Math.round(sum / total)
      }
  }
  return out
}

/** Columns become rows. */
const flipped = (data: Uint8Array, rows: number, columns: number, channels: number): Uint8Array =>
  turned(data, [rows, columns, channels], [1, 0, 2], new Uint8Array(data.length))
