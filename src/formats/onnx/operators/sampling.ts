import { type Call, choice, must, type Operators, showDims } from '../call.ts'
import { unsupported } from '../file.ts'
import { room, roundEven, rounded, sizeOf, spend, stridesOf, type Tensor } from '../tensors.ts'
import { placesOf, slidingOf } from '../windows.ts'

type Tap = [place: number, weight: number]
type Padding = 'zeros' | 'border' | 'reflection'

/** Folds a coordinate back between two mirrors. */
function reflect(x: number, low: number, high: number): number {
  const span = high - low
  if (span <= 0) return low
  const turn = (((x - low) % (2 * span)) + 2 * span) % (2 * span)
  return low + (turn <= span ? turn : 2 * span - turn)
}

function cubic(t: number): number {
  const [x, a] = [Math.abs(t), -0.75]
  return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
}

/** The places along one axis that a coordinate in [-1, 1] reads. */
function tapsAt(at: number, n: number, mode: string, padding: Padding, corners: boolean): Tap[] {
  const [low, high] = corners ? [0, n - 1] : [-0.5, n - 0.5]
  const middle = corners ? ((at + 1) / 2) * (n - 1) : ((at + 1) * n - 1) / 2
  const aimed = mode === 'nearest' ? roundEven(middle) : middle
  const out = mode !== 'cubic' && (aimed < low || aimed > high)
  const x =
    out && padding === 'border'
      ? Math.min(Math.max(aimed, 0), n - 1)
      : out && padding === 'reflection'
        ? reflect(aimed, low, high)
        : aimed
  const inside = (place: number) => {
    if (place >= 0 && place < n) return place
    if (padding === 'zeros') return -1
    return Math.min(Math.max(padding === 'border' ? place : Math.round(reflect(place, low, high)), 0), n - 1)
  }
  const base = Math.floor(x)
  if (mode === 'nearest') return [[inside(roundEven(x)), 1]]
  if (mode === 'linear')
    return [
      [inside(base), 1 - (x - base)],
      [inside(base + 1), x - base],
    ]
  return [-1, 0, 1, 2].map(k => [inside(base + k), cubic(x - base - k)])
}

function gridSample([x, grid]: readonly Tensor[], c: Call): Tensor {
  const mode = choice('GridSample mode', c.text('mode', c.opset < 20 ? 'bilinear' : 'linear'), [
    'bilinear',
    'linear',
    'nearest',
    'bicubic',
    'cubic',
  ]).replace(/^bi/, '')
  const padding = choice('GridSample padding', c.text('padding_mode', 'zeros'), ['zeros', 'border', 'reflection'])
  const corners = c.int('align_corners', 0) !== 0
  const [batch, channels, ...input] = x.dims
  const [rank, out] = [input.length, grid.dims.slice(1, -1)]
  must(
    rank <= 3 && grid.dims.at(-1) === rank && grid.dims[0] === batch && out.length === rank,
    `GridSample got the grid ${showDims(grid.dims)}`,
  )
  const [size, count, strides] = [sizeOf(input), sizeOf(out), stridesOf(input)]
  const y = room([batch, channels, ...out])
  spend(batch * count * (mode === 'cubic' ? 4 : 2) ** rank * (32 + channels))
  for (let n = 0; n < batch; n++)
    for (let p = 0; p < count; p++) {
      let taps: Tap[] = [[0, 1]]
      for (let axis = 0; axis < rank; axis++) {
        const own = tapsAt(grid.data[(n * count + p) * rank + rank - 1 - axis], input[axis], mode, padding, corners)
        taps = taps.flatMap(([at, w]) =>
          own.map(([place, v]): Tap => [at < 0 || place < 0 ? -1 : at + place * strides[axis], w * v]),
        )
      }
      for (let ch = 0; ch < channels; ch++) {
        let sum = 0
        for (const [at, weight] of taps) if (at >= 0) sum += weight * x.data[(n * channels + ch) * size + at]
        y[(n * channels + ch) * count + p] = sum
      }
    }
  return rounded(x.type, [batch, channels, ...out], y)
}

function affineGrid([theta, size]: readonly Tensor[], c: Call): Tensor {
  const corners = c.int('align_corners', 0) !== 0
  const [batch, , ...space] = Array.from(size.data)
  const rank = space.length
  must(rank === 2 || rank === 3, 'AffineGrid is of images and volumes')
  must(theta.dims.join() === [batch, rank, rank + 1].join(), `AffineGrid got theta ${showDims(theta.dims)}`)
  const dims = [batch, ...space, rank]
  const out = room(dims)
  spend(64 * out.length)
  const [count, strides] = [sizeOf(space), stridesOf(space)]
  const along = (i: number, n: number) => (corners ? (n > 1 ? (2 * i) / (n - 1) - 1 : 0) : (2 * i + 1) / n - 1)
  for (let i = 0; i < batch * count; i++) {
    const place = space.map((n, axis) => along(Math.floor((i % count) / strides[axis]) % n, n)).reverse()
    for (let k = 0; k < rank; k++) {
      const row = (Math.floor(i / count) * rank + k) * (rank + 1)
      out[i * rank + k] = place.reduce((sum, v, j) => sum + theta.data[row + j] * v, theta.data[row + rank])
    }
  }
  return rounded(theta.type, dims, out)
}

/** Between four neighbours; zero from one place outside on. `border` repeats the edge. */
function bilinear(plane: Float64Array, [h, w]: readonly number[], y: number, x: number, border: boolean): number {
  const at = (i: number, j: number) => (i < 0 || j < 0 || i >= h || j >= w ? 0 : plane[i * w + j])
  if (border) {
    if (y < -1 || y > h || x < -1 || x > w) return 0
    y = Math.min(Math.max(y, 0), h - 1)
    x = Math.min(Math.max(x, 0), w - 1)
  } else if (y <= -1 || y >= h || x <= -1 || x >= w) return 0
  const [i, j] = [Math.floor(y), Math.floor(x)]
  const [v, u] = [y - i, x - j]
  return (1 - v) * ((1 - u) * at(i, j) + u * at(i, j + 1)) + v * ((1 - u) * at(i + 1, j) + u * at(i + 1, j + 1))
}

function roiAlign([x, rois, indices]: readonly Tensor[], c: Call): Tensor {
  const half =
    choice(
      'RoiAlign coordinates',
      c.text('coordinate_transformation_mode', c.opset < 16 ? 'output_half_pixel' : 'half_pixel'),
      ['half_pixel', 'output_half_pixel'],
    ) === 'half_pixel'
  if (c.text('mode', 'avg') !== 'avg') throw unsupported('RoiAlign mode max', 'export with mode avg')
  const [rows, columns, ratio, scale] = [
    c.int('output_height', 1),
    c.int('output_width', 1),
    c.int('sampling_ratio', 0),
    c.float('spatial_scale', 1),
  ]
  const [batch, channels, h, w] = x.dims
  const count = rois.dims[0]
  const dims = [count, channels, rows, columns]
  const out = room(dims)
  for (let r = 0; r < count; r++) {
    const [x0, y0, x1, y1] = Array.from(rois.data.subarray(r * 4, r * 4 + 4), v => v * scale - (half ? 0.5 : 0))
    const [height, width] = [y1 - y0, x1 - x0].map(n => (half ? n : Math.max(n, 1)))
    const [binY, binX] = [height / rows, width / columns]
    const [m, n] = [ratio > 0 ? ratio : Math.ceil(binY), ratio > 0 ? ratio : Math.ceil(binX)]
    must(
      indices.data[r] >= 0 && indices.data[r] < batch && m * n <= 2 ** 20,
      'RoiAlign got a region outside its images',
    )
    spend(32 * channels * rows * columns * m * n)
    for (let ch = 0; ch < channels; ch++) {
      const plane = x.data.subarray(
        (indices.data[r] * channels + ch) * h * w,
        (indices.data[r] * channels + ch + 1) * h * w,
      )
      for (let p = 0; p < rows * columns; p++) {
        let sum = 0
        for (let i = 0; i < m; i++)
          for (let j = 0; j < n; j++)
            sum += bilinear(
              plane,
              [h, w],
              y0 + (Math.floor(p / columns) + (i + 0.5) / m) * binY,
              x0 + ((p % columns) + (j + 0.5) / n) * binX,
              true,
            )
        out[(r * channels + ch) * rows * columns + p] = sum / Math.max(m * n, 1)
      }
    }
  }
  return rounded(x.type, dims, out)
}

/** A convolution whose kernel reads at places that are moved, and perhaps weighed, for each output. Dai et al. 2017. */
function deformConv([x, w, offset, b, mask]: readonly Tensor[], c: Call): Tensor {
  const [batch, channels, ...input] = x.dims
  const [filters, depth, ...kernel] = w.dims
  const [groups, movers] = [c.int('group', 1), c.int('offset_group', 1)]
  c.has('kernel_shape')
  if (input.length !== 2) throw unsupported('DeformConv of other than 2 axes', 'use images')
  const { strides, dilations, pads } = slidingOf({ ...c, text: () => 'NOTSET' }, input, kernel)
  const out = placesOf(input, { kernel, strides, dilations, pads })
  const [count, cells, size] = [sizeOf(out), sizeOf(kernel), sizeOf(input)]
  must(
    depth * groups === channels && filters % groups === 0 && channels % movers === 0,
    'DeformConv got channels that do not fit',
  )
  must(offset.data.length === batch * movers * cells * 2 * count, 'DeformConv got offsets that do not fit')
  const y = room([batch, filters, ...out])
  spend(batch * channels * cells * count * (32 + filters / groups))
  for (let n = 0; n < batch; n++)
    for (let ch = 0; ch < channels; ch++) {
      const plane = x.data.subarray((n * channels + ch) * size, (n * channels + ch + 1) * size)
      const mover = n * movers + Math.floor((ch * movers) / channels)
      const group = Math.floor(ch / depth)
      for (let k = 0; k < cells; k++)
        for (let p = 0; p < count; p++) {
          const at = (mover * cells + k) * 2 * count + p
          const row =
            Math.floor(p / out[1]) * strides[0] + Math.floor(k / kernel[1]) * dilations[0] - pads[0] + offset.data[at]
          const column = (p % out[1]) * strides[1] + (k % kernel[1]) * dilations[1] - pads[1] + offset.data[at + count]
          const v = bilinear(plane, input, row, column, false) * (mask ? mask.data[(mover * cells + k) * count + p] : 1)
          for (let m = (group * filters) / groups; m < ((group + 1) * filters) / groups; m++)
            y[(n * filters + m) * count + p] += w.data[(m * depth + (ch % depth)) * cells + k] * v
        }
    }
  if (b) for (let i = 0; i < y.length; i++) y[i] += b.data[Math.floor(i / count) % filters]
  return rounded(x.type, [batch, filters, ...out], y)
}

export const sampling: Operators = {
  GridSample: gridSample,
  AffineGrid: affineGrid,
  RoiAlign: roiAlign,
  DeformConv: deformConv,
}
