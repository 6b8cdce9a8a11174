import { DataError } from 'nabla'
import { readPng } from 'nabla/data'
import { centred, type Grey, lightOnDark } from './ink.ts'

const side = 28

/**
 * Turn the bytes of a PNG into the 28×28 ink, 0 to 1, that MNIST would have made of it.
 *
 * `raw` takes a 28×28 picture as it is: white is ink.
 */
export async function readImage(bytes: Uint8Array, name: string, { raw = false } = {}): Promise<Float32Array> {
  const picture = await decodeGrey(bytes, name)
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

/** Decode any PNG to luminance from 0 (black) to 1 (white); ink drawn on nothing lies on the paper that shows it. */
export async function decodeGrey(bytes: Uint8Array, name: string): Promise<Grey> {
  const { width, height, channels, data } = await readPng(bytes, name, { paper: 'contrast' })
  const pixels = Float32Array.from({ length: width * height }, (_, i) =>
    channels === 1 ? data[i] / 255 : (0.299 * data[3 * i] + 0.587 * data[3 * i + 1] + 0.114 * data[3 * i + 2]) / 255,
  )
  return { width, height, pixels }
}
