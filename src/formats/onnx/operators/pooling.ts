import { type Call, must, type Operators, showDims } from '../call.ts'
import { exactly, room, rounded, sizeOf, spend, stridesOf, type Tensor } from '../tensors.ts'
import { border, slidingOf, windows } from '../windows.ts'

/** The sum or the best over each window of each channel; `work` sees the numbers of one window and where they lie. */
function pool(x: Tensor, c: Call, work: (plane: Float64Array, places: Int32Array, n: number) => number): Tensor {
  const [batch, channels, ...input] = x.dims
  must(input.length > 0, `a pool takes batch, channels and more, got ${showDims(x.dims)}`)
  const { out, count, cells, at } = windows(
    input,
    slidingOf(c, input, c.ints('kernel_shape') ?? []),
    c.int('ceil_mode', 0) !== 0,
  )
  const size = sizeOf(input)
  const dims = [batch, channels, ...out]
  const y = room(dims)
  spend(4 * batch * channels * count * (cells + 8))
  const places = new Int32Array(cells)
  for (let p = 0; p < count; p++) {
    for (let k = 0; k < cells; k++) places[k] = at[k * count + p]
    for (let plane = 0; plane < batch * channels; plane++)
      y[plane * count + p] = work(x.data.subarray(plane * size, (plane + 1) * size), places, plane)
  }
  return rounded(x.type, dims, y)
}

function maxPool(x: Tensor, c: Call): readonly Tensor[] {
  const columns = c.int('storage_order', 0) !== 0
  const best = (plane: Float64Array, places: Int32Array) => {
    let found = -1
    for (const place of places) if (place >= 0 && (found < 0 || plane[place] > plane[found])) found = place
    return found
  }
  const y = pool(x, c, (plane, places) => {
    const found = best(plane, places)
    return found < 0 ? -Infinity : plane[found]
  })
  if (c.outputs < 2) return [y]
  const input = x.dims.slice(2)
  const [rows, size] = [stridesOf(input), sizeOf(input)]
  const turned = stridesOf([...input].reverse()).reverse()
  const order = (place: number) =>
    columns ? rows.reduce((sum, stride, i) => sum + (Math.floor(place / stride) % input[i]) * turned[i], 0) : place
  const indices = pool({ ...x, type: 'int64' }, c, (plane, places, n) => n * size + order(best(plane, places)))
  return [y, indices]
}

function averagePool(x: Tensor, c: Call): Tensor {
  const least = c.int('count_include_pad', 0) !== 0 ? border : 0
  return pool(x, c, (plane, places) => {
    let [sum, n] = [0, 0]
    for (const place of places) {
      if (place >= 0) sum += plane[place]
      if (place >= least) n++
    }
    return sum / n
  })
}

const norm = (plane: Float64Array, places: ArrayLike<number>, p: number) => {
  let sum = 0
  for (let i = 0; i < places.length; i++) if (places[i] >= 0) sum += Math.abs(plane[places[i]]) ** p
  return sum ** (1 / p)
}

function whole(x: Tensor, work: (plane: Float64Array) => number): Tensor {
  const [batch, channels, ...input] = x.dims
  const size = sizeOf(input)
  const dims = [batch, channels, ...input.map(() => 1)]
  const out = room(dims).map((_, i) => work(x.data.subarray(i * size, (i + 1) * size)))
  return rounded(x.type, dims, out)
}

export const pools: Operators = {
  MaxPool: ([x], c) => maxPool(x, c),
  AveragePool: ([x], c) => averagePool(x, c),
  LpPool: ([x], c) => {
    const p = c.int('p', 2)
    return pool(x, c, (plane, places) => norm(plane, places, p))
  },
  GlobalAveragePool: ([x]) => whole(x, plane => plane.reduce((a, b) => a + b, 0) / plane.length),
  GlobalMaxPool: ([x]) => whole(x, plane => plane.reduce((a, b) => Math.max(a, b), -Infinity)),
  GlobalLpPool: ([x], c) => {
    const p = c.int('p', 2)
    return whole(x, plane =>
      norm(
        plane,
        plane.map((_, i) => i),
        p,
      ),
    )
  },
  MaxUnpool: ([x, indices, shape], c) => {
    const [batch, channels, ...input] = x.dims
    const kernel = c.ints('kernel_shape') ?? []
    const { strides, pads } = slidingOf(c, input, kernel)
    const plain = input.map((n, i) => (n - 1) * strides[i] + kernel[i] - pads[i] - pads[i + input.length])
    const small = [batch, channels, ...plain]
    const dims = shape ? Array.from(shape.data) : small
    const out = room(dims)
    const [from, to] = [stridesOf(small), stridesOf(dims)]
    indices.data.forEach((place, i) => {
      const moved = from.reduce((sum, stride, axis) => sum + (Math.floor(place / stride) % small[axis]) * to[axis], 0)
      must(moved >= 0 && moved < out.length, 'MaxUnpool got a place outside its output')
      out[moved] = x.data[i]
    })
    return exactly(x.type, dims, out)
  },
}
