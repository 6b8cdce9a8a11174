import { nothingElse, ShapeError } from '../errors.ts'
import { streamKey, uniformAt } from '../tensor/counter.ts'
import { changed } from './changed.ts'
import type { Dataset } from './dataset.ts'

export interface AugmentOptions {
  /** Furthest move along each axis, in pixels. */
  shift?: number
  /** Largest turn to either side, in degrees, at most 45. */
  rotation?: number
  /** Largest change of size to either side, as a share. */
  zoom?: number
  seed?: number
}

/**
 * Images a little moved, turned and scaled, differently in each epoch and the same in each repetition: what a sample
 * becomes depends on the seed, the epoch and its row alone. Between pixels the value is interpolated; outside is 0.
 * @shape samples [height, width, channels]
 * @throws ShapeError `not-images`
 * @example
 * await model.fit(augment(train, { shift: 2, rotation: 10, zoom: 0.1 }), { epochs: 30 })
 */
export function augment(
  data: Dataset,
  { shift = 2, rotation = 10, zoom = 0.1, seed = 0, ...others }: AugmentOptions = {},
): Dataset {
  nothingElse('augment', others, { shift, rotation, zoom, seed })
  const [height, width, channels] = data.inputShape
  if (data.inputShape.length !== 3)
    throw new ShapeError('not-images', `augment got samples [${data.inputShape.join(', ')}], expected images`, {
      hint: 'give each sample height, width and channels: [28, 28, 1]',
    })
  const size = height * width * channels
  const image = new Float64Array((height + 2 * border) * (width + 2 * border) * channels)
  return changed(data, ({ epoch, rows, x }) => {
    for (let i = 0; i < rows.length; i++) {
      const key = streamKey(seed, epoch, rows[i])
      const within = (place: number, most: number) => (2 * uniformAt(key, place) - 1) * most
      const to = x.subarray(i * size, (i + 1) * size)
      for (let y = 0; y < height; y++)
        image.set(
          to.subarray(y * width * channels, (y + 1) * width * channels),
          ((y + border) * (width + 2 * border) + border) * channels,
        )
      const angle = (within(0, rotation) * Math.PI) / 180
      const scale = 1 + within(1, zoom)
      warp(image, to, [height, width, channels], angle, scale, [within(2, shift), within(3, shift)])
    }
  })
}

/** Zeros around an image: what lies outside it, and the pixel beside that. */
const border = 2

/** Each pixel of `to` reads `from`, which has a border, where the turn, the scale and the move bring it, between four pixels. */
function warp(
  from: Float64Array,
  to: Float32Array | Float64Array,
  [height, width, channels]: readonly number[],
  angle: number,
  scale: number,
  [down, right]: readonly [number, number],
): void {
  // Sine and cosine by their series: enough for 45°, and the same bits in every engine.
  const a2 = angle * angle
  const sine = (angle * (1 - (a2 / 6) * (1 - (a2 / 20) * (1 - a2 / 42)))) / scale
  const cosine = (1 - (a2 / 2) * (1 - (a2 / 12) * (1 - a2 / 30))) / scale
  const [cy, cx] = [(height - 1) / 2, (width - 1) / 2]
  const across = (width + 2 * border) * channels
  for (let y = 0, o = 0; y < height; y++) {
    const dy = y - cy - down
    const startY = cy + cosine * dy
    const startX = cx + sine * dy
    for (let x = 0; x < width; x++) {
      const dx = x - cx - right
      const sy = startY - sine * dx
      const sx = startX + cosine * dx
      const y0 = Math.floor(sy)
      const x0 = Math.floor(sx)
      const fy = sy - y0
      const fx = sx - x0
      const row = Math.min(Math.max(y0, -border), height) + border
      const column = Math.min(Math.max(x0, -border), width) + border
      for (let at = row * across + column * channels, end = at + channels; at < end; at++) {
        const top = from[at] * (1 - fx) + from[at + channels] * fx
        const bottom = from[at + across] * (1 - fx) + from[at + across + channels] * fx
        to[o++] = top * (1 - fy) + bottom * fy
      }
    }
  }
}
