import {
  alias,
  type Backend,
  drop,
  fuse,
  lift,
  type Program,
  record,
  share,
  type Verbs,
} from '../../src/program/index.ts'
import { numpyRandom } from '../../src/tensor/random.ts'
import { type Shape, sizeOf } from '../../src/tensor/shape.ts'
import { type Buffer, type View, viewOf } from '../../src/tensor/view.ts'

/** A case: verbs over inputs (filled with normal numbers) that write outputs. */
export interface Case {
  readonly title: string
  readonly inputs: Readonly<Record<string, Shape>>
  readonly outputs: Readonly<Record<string, Shape>>
  /** Inputs that hold whole numbers below this instead of normal ones. */
  readonly whole?: Readonly<Record<string, number>>
  write(k: Verbs, views: Record<string, View>): void
}

const scalars = { t: 3, learningRate: 0.01, seed: 7 }

export function programOf(c: Case): { program: Program; buffers: Record<string, Buffer> } {
  const buffer = (kind: Buffer['kind']) => (entry: [string, Shape]) =>
    [entry[0], { name: entry[0], shape: entry[1], kind }] as const
  const buffers: Record<string, Buffer> = Object.fromEntries([
    ...Object.entries(c.inputs).map(buffer('input')),
    ...Object.entries(c.outputs).map(buffer('output')),
  ])
  const views = Object.fromEntries(Object.entries(buffers).map(([name, b]) => [name, viewOf(b)]))
  const program = record(c.title, Object.keys(scalars), k => c.write(k, views))
  return { program, buffers }
}

/** The outputs of a case on a backend. */
export async function run(
  c: Case,
  backend: Backend,
  { fused = false, threads = 1, fma = false, isEnough = (): boolean => true } = {},
): Promise<Record<string, ArrayLike<number>>> {
  const { program, buffers } = programOf(c)
  const engine = backend.engine({ threads, fma, threadsFrom: 0 })
  const random = numpyRandom(1)
  for (const [name, shape] of Object.entries(c.inputs)) {
    const whole = c.whole?.[name]
    const values = whole ? random.randint(0, whole, sizeOf(shape)) : random.normal(0, 1, sizeOf(shape))
    engine.write(buffers[name], Float32Array.from(values as ArrayLike<number>))
  }
  const compiled = engine.compile(fused ? lift(drop(fuse(share(alias(drop(program)))))) : program)
  await compiled.run(scalars)
  // Twice: a plan that leaves something behind shows here.
  await compiled.run(scalars)
  while (!isEnough()) {
    await compiled.run(scalars)
    await new Promise(resolve => setImmediate(resolve))
  }
  return Object.fromEntries(Object.keys(c.outputs).map(name => [name, engine.read(buffers[name])]))
}

/** A convolution of images or signals with its gradients, as the layers write them. */
export const conv = (
  title: string,
  o: {
    image: readonly number[]
    channels: number
    filters: number
    kernel: number | readonly number[]
    batch?: number
    stride?: number
    dilation?: number
    pad?: readonly [number, number]
  },
): Case[] => {
  const { image, channels, filters, batch = 2, stride = 1, dilation = 1, pad = [0, 0] } = o
  const every = <T>(value: T) => image.map(() => value)
  const size = typeof o.kernel === 'number' ? every(o.kernel) : o.kernel
  const out = image.map((n, i) => Math.floor((n + pad[0] + pad[1] - (size[i] - 1) * dilation - 1) / stride) + 1)
  const options = { size, strides: every(stride), dilation: every(dilation), padding: every(pad) }
  const rows = image.length + 1
  const [x, W, z] = [
    [batch, ...image, channels],
    [...size, channels, filters],
    [batch, ...out, filters],
  ]
  // Windows of an input have no border; through a temporary they do.
  const temporary = (k: Verbs, v: View) => {
    const copy = k.scratch(`${v.name}'`, v.shape)
    k.copy(copy, v)
    return copy
  }
  return [true, false].flatMap((bordered): Case[] => {
    const own = (k: Verbs, v: View) => (bordered ? temporary(k, v) : v)
    const note = bordered ? ', bordered' : ''
    return [
      {
        title: `${title}: forward${note}`,
        inputs: { x, W, b: [filters] },
        outputs: { z },
        write: (k: Verbs, v: Record<string, View>) =>
          k.gemm(v.z.matrix(rows), own(k, v.x).windows(options).matrix(rows), v.W.matrix(rows), { bias: v.b }),
      },
      {
        title: `${title}: gradient of W${note}`,
        inputs: { x, dz: z },
        outputs: { dW: W },
        write: (k: Verbs, v: Record<string, View>) =>
          k.gemm(v.dW.matrix(rows), own(k, v.x).windows(options).matrix(rows).T, own(k, v.dz).matrix(rows)),
      },
      {
        title: `${title}: gradient of x${note}`,
        inputs: { dz: z, W },
        outputs: { dx: x },
        write: (k: Verbs, v: Record<string, View>) => {
          const padding = size.map(n => [dilation * (n - 1) - pad[0], 0] as const)
          const back = own(k, v.dz).windows({
            ...{ size, dilation: every(dilation), spread: every(stride), padding, count: image },
          })
          const turned = size.reduce((w, _, axis) => w.flip(axis), v.W)
          const turn = [...size.map((_, axis) => axis), rows, rows - 1]
          k.gemm(v.dx.matrix(rows), back.matrix(rows), turned.transpose(...turn).matrix(rows))
        },
      },
    ]
  })
}

const product = (m: number, k: number, n: number): Case[] => [
  {
    title: `product ${m}×${k}×${n}`,
    inputs: { a: [m, k], b: [k, n], c: [n] },
    outputs: { y: [m, n] },
    write: (v, { a, b, c, y }) => v.gemm(y, a, b, { bias: c }),
  },
  {
    title: `product ${m}×${k}×${n}, both transposed`,
    inputs: { a: [k, m], b: [n, k] },
    outputs: { y: [m, n] },
    write: (v, { a, b, y }) => v.gemm(y, a.T, b.T),
  },
  {
    title: `product ${m}×${k}×${n}, left transposed`,
    inputs: { a: [k, m], b: [k, n] },
    outputs: { y: [m, n] },
    write: (v, { a, b, y }) => v.gemm(y, a.T, b),
  },
]

/** [batch, steps, heads, size] as a stack of matrices. */
const heads = (view: View) => view.transpose(0, 2, 1, 3)

const stacks = (batch: number, many: number, [m, k, n]: readonly [number, number, number]): Case[] => [
  {
    title: `${batch * many} products ${m}×${k}×${n}, the left transposed`,
    inputs: { a: [batch * many, k, m], b: [batch * many, k, n], c: [n] },
    outputs: { y: [batch * many, m, n] },
    write: (v, { a, b, c, y }) => v.gemm(y, a.T, b, { bias: c }),
  },
  {
    title: `${batch}·${many} products ${m}×${k}×${n} of heads, and what follows them`,
    inputs: { a: [batch, m, many, k], b: [batch, n + 1, many, k], seen: [batch, 1, 1, n], s: [many, 1, 1] },
    outputs: { y: [batch, many, m, n], z: [batch, m, many, n], q: [batch, many, m] },
    write(v, { a, b, seen, s, y, z, q }) {
      const products = v.scratch('products', y.shape)
      v.gemm(products, heads(a), heads(b.slice(1, 1, n)).T)
      v.map({ y, z: heads(z) }, 'y = s * x + seen; z = 1 / (1 + x * x)', { x: products, seen, s })
      v.reduce(q, 'max', 'x', { x: y }, [3])
    },
  },
]

const pool = (title: string, n: number, size: number, stride: number): Case => ({
  title,
  inputs: { x: [2, n, n, 8], dy: [2, Math.ceil(n / stride), Math.ceil(n / stride), 8] },
  outputs: { y: [2, Math.ceil(n / stride), Math.ceil(n / stride), 8], dx: [2, n, n, 8] },
  write(k, { x, dy, y, dx }) {
    const total = Math.max((Math.ceil(n / stride) - 1) * stride + size - n, 0)
    const pad = [Math.floor(total / 2), total - Math.floor(total / 2)] as const
    const options = { size: [size, size], strides: [stride, stride], padding: [pad, pad], fill: -Infinity }
    const place = k.scratch('place', y.shape)
    k.reduce(y, 'max', 'x', { x: x.windows(options) }, [3, 4])
    k.reduce(place, 'argmax', 'x', { x: x.windows(options) }, [3, 4])
    const windows = dx.windows(options)
    k.scatter(windows.reshape(...windows.shape.slice(0, 3), size * size, 8), dy, place, 3)
  },
})

/** Sums over windows of each channel by itself, the way a depthwise convolution and its gradients take them. */
const channelwise = (
  title: string,
  o: {
    image: readonly number[]
    channels: number
    kernel: number
    batch?: number
    stride?: number
    dilation?: number
    pad?: readonly [number, number]
    filters?: number
  },
): Case => {
  const { image, channels, kernel, batch = 2, stride = 1, dilation = 1, pad = [0, 0], filters = 1 } = o
  const every = <T>(value: T) => image.map(() => value)
  const out = image.map(n => Math.floor((n + pad[0] + pad[1] - (kernel - 1) * dilation - 1) / stride) + 1)
  const axes = (from: number) => image.map((_, i) => from + i)
  const n = image.length
  const [x, z] = [
    [batch, ...image, channels],
    [batch, ...out, channels, filters],
  ]
  return {
    title,
    inputs: { x, D: [...every(kernel), channels, filters], dz: z },
    outputs: { z, dD: [...every(kernel), channels, filters], dx: x, largest: [batch, ...out, channels] },
    write(k, v) {
      const size = { size: every(kernel), dilation: every(dilation) }
      const windows = { ...size, strides: every(stride), padding: every(pad) }
      const seen = v.x.windows(windows)
      const patches = seen.repeat(seen.shape.length, filters)
      k.reduce(v.z, 'sum', 'patches * D', { patches, D: v.D }, axes(n + 1))
      const each = v.dz.reshape(batch, ...out, ...every(1), channels, filters)
      k.reduce(v.dD, 'sum', 'patches * dz', { patches, dz: each }, axes(1).concat(0))
      const back = { ...size, spread: every(stride), count: image }
      const padding = every([dilation * (kernel - 1) - pad[0], 0] as const)
      const from = v.dz.reshape(batch, ...out, channels * filters).windows({ ...back, padding })
      const met = from.reshape(...from.shape.slice(0, -1), channels, filters)
      const round = axes(0).reduce((D, axis) => D.flip(axis), v.D)
      k.reduce(v.dx, 'sum', 'met * D', { met, D: round }, [...axes(n + 1), 2 * n + 2])
      k.reduce(v.largest, 'max', 'x', { x: v.x.windows({ ...windows, fill: -Infinity }) }, axes(n + 1))
    },
  }
}

export const cases: readonly Case[] = [
  ...product(1, 1, 1),
  ...product(3, 5, 7),
  ...product(64, 2048, 10),
  ...product(64, 100, 120),
  ...product(33, 17, 19),
  ...product(130, 1300, 4),
  ...product(37, 2048, 45),
  ...product(130, 200, 700),
  ...product(45, 700, 400),
  ...stacks(16, 1, [1, 1, 1]),
  ...stacks(3, 6, [5, 7, 9]),
  ...stacks(5, 4, [17, 33, 12]),
  ...stacks(8, 2, [40, 70, 3]),
  ...stacks(17, 1, [9, 640, 11]),
  ...stacks(4, 5, [1, 40, 64]),
  ...stacks(3, 7, [64, 20, 1]),
  ...stacks(3, 2, [8, 8, 8]), // few enough to be made one by one
  {
    title: 'products of stacks that are cut unevenly, flipped or over an edge',
    inputs: { a: [3, 8, 5, 6], b: [8, 3, 6, 7], c: [16, 7, 4], d: [16, 12, 4] },
    outputs: { y: [24, 5, 7], q: [24, 5, 7], p: [16, 9, 4] },
    write(k, { a, b, c, d, y, q, p }) {
      const stack = a.reshape(24, 5, 6)
      k.gemm(y, stack, b.transpose(1, 0, 2, 3).reshape(24, 6, 7))
      k.gemm(q.flip(0), a.flip(0).reshape(24, 5, 6), b.reshape(24, 6, 7).flip(1))
      k.gemm(p, c.windows({ size: [3], padding: [[2, 2]] }).reshape(16, 9, 12), d)
    },
  },
  {
    title: 'product of reversed rows and columns',
    inputs: { a: [9, 8], b: [8, 6], c: [6] },
    outputs: { y: [9, 6], q: [9, 6] },
    write(k, { a, b, c, y, q }) {
      k.gemm(y, a.flip(0), b.flip(0), { bias: c.flip(0) })
      k.gemm(q.flip(0), a.flip(1), b.flip(1))
    },
  },
  {
    title: 'map of an operand called product, and of an index that is shown beyond its end',
    inputs: { p: [2, 3, 1, 1] },
    outputs: { y: [2, 3, 1, 1], q: [6, 3] },
    write(k, { p, y, q }) {
      k.map(y, '2 * product', { product: p })
      const j = k
        .index(6)
        .reshape(1, 6, 1)
        .windows({ size: [3], padding: [[1, 1]], fill: -5 })
      k.map(q, 'j', { j: j.reshape(6, 3) })
    },
  },
  {
    title: 'product into an image with a border, as between flattening and a convolution',
    inputs: { a: [5, 3], b: [3, 144], W: [3, 3, 4, 6], c: [144] },
    outputs: { z: [5, 6, 6, 6] },
    write(k, { a, b, W, c, z }) {
      const image = k.scratch('image', [5, 6, 6, 4])
      k.gemm(image.reshape(5, 144), a, b, { bias: c })
      const seen = image.windows({
        size: [3, 3],
        padding: [
          [1, 1],
          [1, 1],
        ],
      })
      k.gemm(z.matrix(3), seen.matrix(3), W.matrix(3))
    },
  },
  {
    title: 'product with an activation after it',
    inputs: { a: [6, 5], b: [5, 10], c: [10], s: [10] },
    outputs: { z: [6, 10], y: [6, 10] },
    write(k, { a, b, c, s, z, y }) {
      k.gemm(z, a, b, { bias: c })
      k.map(y, 'x > 0 ? s * x : 0.1 * exp(x)', { x: z, s })
    },
  },
  ...conv('convolution 3×3 same', { image: [14, 14], channels: 8, filters: 16, kernel: 3, pad: [1, 1] }),
  ...conv('convolution 3×3 same, odd', { image: [7, 5], channels: 3, filters: 6, kernel: 3, pad: [1, 1], batch: 3 }),
  ...conv('convolution 3×3 of one channel', {
    image: [28, 28],
    channels: 1,
    filters: 32,
    kernel: 3,
    pad: [1, 1],
    batch: 4,
  }),
  ...conv('convolution 5×5 valid', { image: [9, 9], channels: 4, filters: 5, kernel: 5 }),
  ...conv('convolution 3×3, stride 2', { image: [9, 8], channels: 4, filters: 8, kernel: 3, stride: 2, pad: [0, 1] }),
  ...conv('convolution 3×3, stride 2, of many images', {
    image: [24, 24],
    channels: 6,
    filters: 12,
    kernel: 3,
    stride: 2,
    pad: [0, 1],
    batch: 16,
  }),
  ...conv('convolution 3×3, dilation 2', {
    image: [9, 9],
    channels: 4,
    filters: 8,
    kernel: 3,
    dilation: 2,
    pad: [2, 2],
  }),
  ...conv('convolution 3×3 of many channels', {
    image: [14, 14],
    channels: 32,
    filters: 64,
    kernel: 3,
    pad: [1, 1],
    batch: 4,
  }),
  ...conv('convolution 3×3 of many channels, of one large image', {
    image: [43, 30],
    channels: 40,
    filters: 48,
    kernel: 3,
    pad: [1, 1],
    batch: 1,
  }),
  ...conv('convolution 3×3 of many channels, whose last band is one row of narrow tiles', {
    image: [10, 128],
    channels: 16,
    filters: 16,
    kernel: 3,
    pad: [1, 1],
    batch: 1,
  }),
  {
    title: 'gradients of filters one after another, the second of which has not all points in each lane',
    inputs: { x: [4, 16, 16, 16], dz: [4, 16, 16, 16], u: [1, 10, 128, 16], dv: [1, 10, 128, 16] },
    outputs: { dW: [3, 3, 16, 16], dU: [3, 3, 16, 16] },
    write(k, { x, dz, u, dv, dW, dU }) {
      const seen = (v: View) => v.windows({ size: [3, 3], padding: [1, 1].map(() => [1, 1] as const) }).matrix(3)
      k.gemm(dW.matrix(3), seen(x).T, dz.matrix(3))
      k.gemm(dU.matrix(3), seen(u).T, dv.matrix(3))
    },
  },
  ...conv('convolution 3×3 of many channels, odd', {
    image: [7, 10],
    channels: 20,
    filters: 28,
    kernel: 3,
    pad: [1, 1],
    batch: 3,
  }),
  ...conv('convolution 3×3 of many channels, valid', {
    image: [10, 14],
    channels: 16,
    filters: 16,
    kernel: 3,
    batch: 2,
  }),
  ...conv('convolution 5×5 of many channels', {
    image: [13, 10],
    channels: 16,
    filters: 20,
    kernel: 5,
    pad: [2, 2],
    batch: 3,
  }),
  ...conv('convolution 4×2 of many channels', {
    image: [9, 12],
    channels: 24,
    filters: 16,
    kernel: [4, 2],
    pad: [1, 0],
  }),
  ...conv('convolution 1×7 of many channels', { image: [5, 21], channels: 32, filters: 24, kernel: [1, 7] }),
  ...conv('convolution 3×1 of many channels', { image: [11, 4], channels: 32, filters: 32, kernel: [3, 1] }),
  ...conv('convolution 3×3 of many channels, stride 2', {
    image: [21, 14],
    channels: 32,
    filters: 40,
    kernel: 3,
    stride: 2,
    pad: [1, 1],
    batch: 3,
  }),
  ...conv('convolution 4×4 of many channels, stride 2', {
    image: [16, 12],
    channels: 16,
    filters: 32,
    kernel: 4,
    stride: 2,
    pad: [1, 1],
  }),
  ...conv('convolution 7×5 of many channels, stride 3', {
    image: [25, 23],
    channels: 16,
    filters: 16,
    kernel: [7, 5],
    stride: 3,
  }),
  ...conv('convolution of a signal by 5, stride 2', {
    image: [67],
    channels: 32,
    filters: 32,
    kernel: 5,
    stride: 2,
    pad: [2, 2],
  }),
  ...conv('convolution 9×6 of many channels', { image: [17, 15], channels: 12, filters: 16, kernel: [9, 6] }),
  ...conv('convolution of a signal by 15', {
    image: [80],
    channels: 16,
    filters: 32,
    kernel: 15,
    pad: [7, 7],
    batch: 3,
  }),
  ...conv('convolution of a signal by 3', { image: [61], channels: 32, filters: 40, kernel: 3, pad: [1, 1], batch: 3 }),
  ...conv('convolution of a signal by 5, causal', { image: [30], channels: 48, filters: 32, kernel: 5, pad: [4, 0] }),
  ...conv('convolution of a signal by 6', { image: [12], channels: 64, filters: 64, kernel: 6, pad: [3, 2], batch: 9 }),
  {
    title: 'products that read the same, before and after it changes',
    inputs: { a: [20, 30], b: [20, 30], w: [30, 27] },
    outputs: { y: [20, 27], q: [20, 27], p: [20, 27], r: [20, 27] },
    write(k, { a, b, w, y, q, p, r }) {
      const s = k.scratch('s', [30, 27])
      k.map(s, 'w', { w })
      k.gemm(y, a, s)
      k.gemm(q, b, s)
      k.map(s, '1 - 2 * s', { s })
      k.gemm(p, a, s)
      k.gemm(r, b, s)
    },
  },
  {
    title: 'products with a column, and with the same as a row',
    inputs: { a: [20, 30], b: [20, 1], w: [30, 1] },
    outputs: { y: [20, 1], q: [20, 30], p: [20, 1] },
    write(k, { a, b, w, y, q, p }) {
      k.gemm(y, a, w)
      k.gemm(q, b, w.T)
      k.gemm(p, a, w)
    },
  },
  {
    title: 'map of broadcast operands',
    inputs: { x: [3, 5, 6], r: [6], c: [5, 1] },
    outputs: { y: [3, 5, 6], q: [3, 5, 6] },
    write: (k, { x, r, c, y, q }) =>
      k.map({ y, q }, 'y = x * r + c * learningRate; q = tanh(x) + (1 - 0.9^t)', { x, r, c }),
  },
  ...[8, 9, 31, 64, 203].map(
    (n): Case => ({
      title: `the first of the largest of ${n}`,
      inputs: { x: [70, 3, n], w: [n] },
      whole: { x: 9 },
      outputs: { place: [70, 3], most: [70, 3], among: [70], least: [70], other: [70, 3] },
      write(k, { x, w, place, most, among, least, other }) {
        k.reduce({ place, most }, { place: 'argmax', most: 'max' }, 'place = 2 * x; most = 2 * x', { x }, [2])
        k.reduce(among, 'argmax', 'x', { x }, [1, 2])
        k.reduce(least, 'argmax', '-x', { x: x.flip(1) }, [1, 2])
        k.reduce(other, 'argmax', 'x - w', { x, w }, [2])
      },
    }),
  ),
  ...[
    [4, 4],
    [5, 7],
    [64, 9],
    [33, 130],
  ].map(
    ([m, n]): Case => ({
      title: `map of what is transposed, ${m}×${n}, and of what is not`,
      inputs: { a: [m, n], b: [n, m], c: [n, 3, m], r: [m], d: [m, 2, n] },
      outputs: { y: [m, n], z: [n, 3, m], q: [3, m, n], w: [n, m] },
      write(k, { a, b, c, r, d, y, z, q, w }) {
        k.map(y, 'a - 2 * b + r * i', { a, b: b.T, r: r.reshape(m, 1), i: k.index(n) })
        k.map(z, 'a + r - i', { a: a.T.reshape(n, 1, m), r, i: k.index(n).reshape(n, 1, 1) })
        k.map(q, 'c * d', { c: c.transpose(1, 2, 0), d: d.slice(1, 1, 1).reshape(1, m, n) })
        k.map(w.T, 'a * j', { a, j: k.index(n * m).reshape(n, m).T }) // side by side along the other axis alone
      },
    }),
  ),
  {
    title: 'what is computed twice, of the same numbers and of others',
    inputs: { x: [60, 300], w: [60, 300] },
    outputs: { y: [60, 300], a: [60], b: [60], c: [60], d: [60, 300] },
    write(k, { x, w, y, a, b, c, d }) {
      const made = (shape: Shape) => k.scratch('made', shape)
      const [m, n, e, f, g, s] = [
        [60, 1],
        [60, 1],
        [60, 300],
        [60, 300],
        [60, 300],
        [60, 300],
      ].map(made)
      k.reduce(m, 'max', 'x', { x }, [1])
      k.map(e, 'exp(x - m)', { x, m })
      k.map(y, 'e * e', { e })
      k.reduce(n, 'max', 'x', { x }, [1])
      k.reduce(a, 'sum', 'exp(x - n)', { x, n }, [1])
      k.reduce(b, 'sum', 'exp(w - n) + exp(x - n)', { x, n, w }, [1])
      k.map(f, 'exp(x - m)', { x, m }) // the same as e
      k.map(s, 'w', { w })
      k.map(g, 'exp(s)', { s })
      k.map(s, '2 * s', { s }) // exp(s) is another now
      k.reduce(c, 'mean', 'exp(s) * g + f', { s, g, f }, [1])
      k.map(d, 'exp(x - m)', { x: x.flip(1), m }) // of the same array, but turned round
    },
  },
  {
    title: 'what is the same all along a row, beside what is not',
    inputs: { x: [7, 5, 83], r: [7, 5, 1], c: [83], one: [1] },
    outputs: { y: [7, 5, 83], z: [7, 5, 83], s: [7, 5], a: [1], m: [7, 5, 1] },
    write(k, { x, r, c, one, y, z, s, a, m }) {
      const i = k.index(7).reshape(7, 1, 1)
      k.map({ y, z }, 'let l = log(1 + r * r) + i; y = x - l; z = (x > c ? l : x) / sqrt(l + 1) + tanh(one)', {
        ...{ x, r, c, one, i },
      })
      k.reduce(s, 'sum', 'c * exp(-r * r) + x * sin(r)', { x, r, c }, [2])
      k.reduce(a, 'mean', '(x - c) * tanh(r) / (1 + exp(one))', { x, r, c, one }, [0, 1, 2])
      k.reduce(m, 'max', 'x * exp(r) - log(1 + one * one)', { x, r, one }, [2])
    },
  },
  {
    title: 'map of a long flat array',
    inputs: { x: [5003], z: [5003] },
    outputs: { y: [5003] },
    write: (k, { x, z, y }) => k.map(y, 'x * sigmoid(z)', { x, z }),
  },
  {
    title: 'powers in long flat arrays',
    inputs: { x: [5003], z: [5003] },
    outputs: { y: [5003], q: [5003] },
    write: (k, { x, z, y, q }) => k.map({ y, q }, 'y = abs(x)^z; q = abs(x)^0.3 + 2^z', { x, z }),
  },
  // Long enough to go over in strips; widths with and without a rest, and shorter than a vector.
  ...[3, 10, 21, 100, 1003].map(
    (width): Case => ({
      title: `softmax of rows of ${width}, made in the place of its result`,
      inputs: { x: [Math.ceil(70_000 / width), width] },
      outputs: { y: [Math.ceil(70_000 / width), width] },
      write(k, { x, y }) {
        const [m, s] = ['m', 's'].map(name => k.scratch(name, [x.shape[0], 1]))
        const e = k.scratch('e', x.shape)
        k.reduce(m, 'max', 'x', { x }, [1])
        k.map(e, 'exp(x - m)', { x, m })
        k.sum(s, e, [1])
        k.map(y, 'e * (1 / s)', { e, s })
      },
    }),
  ),
  {
    title: 'one map after another that reads its rows the other way round',
    inputs: { x: [300, 250] },
    outputs: { y: [300, 250], q: [300, 250] },
    write(k, { x, y, q }) {
      k.map(y, 'x * x', { x })
      k.map(q, 'y + x', { y: y.flip(0), x })
    },
  },
  {
    title: 'map of a transposed and a flipped view',
    inputs: { x: [6, 9], z: [9, 6] },
    outputs: { y: [9, 6] },
    write: (k, { x, z, y }) => k.map(y, 'x - z', { x: x.T, z: z.flip(0).flip(1) }),
  },
  {
    title: 'map with parts that are the same in every row',
    inputs: { x: [8, 9, 6], m: [6], v: [6] },
    outputs: { y: [8, 9, 6], q: [6] },
    write(k, { x, m, v, y, q }) {
      k.map(y, 'm * (x - m) / sqrt(v * v + 0.1) + exp(v)', { x, m, v })
      k.reduce(q, 'sum', 'x * exp(m) / (v * v + learningRate)', { x, m, v }, [0, 1])
    },
  },
  {
    title: 'random numbers',
    inputs: { x: [37, 8] },
    outputs: { y: [37, 8], q: [37, 8] },
    write(k, { x, y, q }) {
      const u = k.random('u', [37, 8])
      k.map(y, 'u < 0.3 ? 0 : x / 0.7', { u, x })
      k.map(q, 'u', { u })
    },
  },
  // One row with what a bias would be, and many.
  ...[1, 40].map(
    (rows): Case => ({
      title: `random numbers and an index after a product of ${rows} ${rows > 1 ? 'rows' : 'row'}`,
      inputs: { a: [rows, 5], b: [5, 24] },
      outputs: { y: [rows, 24], q: [rows, 24] },
      write(k, { a, b, y, q }) {
        const z = k.scratch('z', y.shape)
        k.gemm(z, a, b)
        k.map(y, 'u < 0.3 ? 0 : z / 0.7', { z, u: k.random('u', y.shape) })
        k.map(q, 'j < 10 ? z : j', { z, j: k.index(24) })
      },
    }),
  ),
  {
    title: 'products of random numbers and an index, and rows of random numbers looked up',
    inputs: { a: [20, 6], i: [9, 1] },
    whole: { i: 20 },
    outputs: { y: [20, 24], q: [6, 8], g: [9, 8] },
    write(k, { a, i, y, q, g }) {
      k.gemm(y, a, k.random('u', [6, 24]), { bias: k.index(24) })
      const v = k.random('v', [20, 8])
      k.gemm(q, a.T, v)
      k.gather(g.reshape(9, 1, 8), v.repeat(0, 9), i.repeat(2, 8).reshape(9, 1, 8), 1)
    },
  },
  {
    title: 'index',
    inputs: { t: [9, 1] },
    whole: { t: 10 },
    outputs: { y: [9, 10] },
    write: (k, { t, y }) => k.map(y, 'j == t ? 1 : 0', { j: k.index(10), t }),
  },
  ...(['sum', 'mean', 'max', 'min', 'argmax'] as const).flatMap((kind): Case[] => [
    {
      title: `${kind} over rows`,
      inputs: { x: [4, 6, 10] },
      outputs: { y: [10] },
      write: (k, { x, y }) => k.reduce(y, kind, 'x', { x }, [0, 1]),
    },
    {
      title: `${kind} over many rows`,
      inputs: { x: [8, 28, 28, 12] },
      outputs: { y: [12] },
      write: (k, { x, y }) => k.reduce(y, kind, 'x', { x }, [0, 1, 2]),
    },
    {
      title: `${kind} over the last axis`,
      inputs: { x: [5, 7, 13] },
      outputs: { y: [5, 7] },
      write: (k, { x, y }) => k.reduce(y, kind, 'x', { x }, [2]),
    },
    {
      title: `${kind} of everything`,
      inputs: { x: [64, 50] },
      outputs: { y: [] },
      write: (k, { x, y }) => k.reduce(y, kind, 'x * x', { x }, [0, 1]),
    },
    {
      title: `${kind} over the middle`,
      inputs: { x: [5, 7, 4] },
      outputs: { y: [5, 4] },
      write: (k, { x, y }) => k.reduce(y, kind, 'x', { x }, [1]),
    },
  ]),
  {
    title: 'two sums in one pass',
    inputs: { x: [16, 20, 20, 8], d: [16, 20, 20, 8], m: [8] },
    outputs: { p: [8], q: [8] },
    write: (k, { x, d, m, p, q }) => k.reduce({ p, q }, 'sum', 'p = d * (x - m); q = d', { x, d, m }, [0, 1, 2]),
  },
  // Rows of many numbers that come from far: 50 is no multiple of four, 7 and 2 none of the rows that are added at once.
  ...([[4096, 50], [311, 7, 64], [1200, 2, 36, 2], [9, 200, 130]] as const).map((shape): Case => {
    const axes = shape.slice(0, -1).map((_, axis) => axis)
    const [width] = shape.slice(-1)
    return {
      title: `sums over long rows [${shape.join(', ')}]`,
      inputs: { x: shape, d: shape, m: [width] },
      outputs: { p: [width], q: [width], r: [width] },
      write(k, { x, d, m, p, q, r }) {
        k.reduce({ p, q }, 'sum', 'p = d * (x - m); q = 2 * m', { x, d, m }, axes)
        k.reduce(r, 'mean', '(x - m) * (x - m)', { x, m }, axes)
      },
    }
  }), // biome-ignore format: a table
  ...[3, 4, 9, 18, 32].map(channels =>
    channelwise(`each of ${channels} channels by itself, 3×3`, { image: [9, 11], channels, kernel: 3, pad: [1, 1] }),
  ),
  channelwise('each channel by itself, 3×3 valid', { image: [7, 12], channels: 8, kernel: 3 }),
  channelwise('each channel by itself, 3×3 of a small image', { image: [2, 3], channels: 7, kernel: 3, pad: [1, 1] }),
  channelwise('each channel by itself, 5×5', { image: [8, 7], channels: 6, kernel: 5, pad: [2, 2] }),
  channelwise('each channel by itself, 2×2 uneven', { image: [5, 9], channels: 5, kernel: 2, pad: [0, 1] }),
  channelwise('each channel by itself, 9×9', { image: [12, 10], channels: 4, kernel: 9, pad: [4, 4] }),
  ...[2, 3, 4].map(stride =>
    channelwise(`each channel by itself, 3×3, stride ${stride}`, {
      image: [9, 14],
      channels: 10,
      kernel: 3,
      stride,
      pad: [1, 1],
    }),
  ),
  channelwise('each channel by itself, 3×3, stride 2, behind alone', {
    image: [8, 32],
    channels: 4,
    kernel: 3,
    stride: 2,
    pad: [0, 1],
  }),
  channelwise('each channel by itself, 3×3, dilation 2', {
    image: [9, 10],
    channels: 4,
    kernel: 3,
    dilation: 2,
    pad: [2, 2],
  }),
  channelwise('each channel by itself, 2 filters', { image: [6, 9], channels: 5, kernel: 3, pad: [1, 1], filters: 2 }),
  channelwise('each channel by itself, 5 filters', { image: [6, 9], channels: 3, kernel: 3, pad: [1, 1], filters: 5 }),
  channelwise('each channel of a sequence by itself', { image: [100], channels: 6, kernel: 4, pad: [3, 0] }),
  channelwise('each channel of a long sequence by itself', { image: [3001], channels: 5, kernel: 3, pad: [1, 1] }),
  channelwise('each channel of a volume by itself', {
    image: [5, 6, 7],
    channels: 4,
    kernel: 3,
    stride: 2,
    pad: [1, 1],
  }),
  channelwise('each channel of many images by itself', {
    image: [13, 14],
    channels: 12,
    kernel: 3,
    pad: [1, 1],
    batch: 16,
  }),
  {
    title: 'several formulas over windows that reach over the edge',
    inputs: { x: [2, 7, 10, 6], d: [2, 7, 10, 6] },
    outputs: { p: [2, 7, 10, 6], q: [2, 7, 10, 6], s: [2, 7, 10, 6], r: [2, 7, 10, 6] },
    write(k, { x, d, p, q, s, r }) {
      const all = { size: [3, 3], padding: [1, 1].map(() => [1, 1] as const) }
      const [seen, beside] = [x.windows(all), d.windows(all)]
      const here = k.index(9).reshape(3, 3, 1)
      k.reduce(
        { p, q },
        { p: 'sum', q: 'mean' },
        'p = x == 0 ? 0 : d * j; q = -x',
        { x: seen, d: beside, j: here },
        [3, 4],
      )
      k.reduce(s, 'sum', 'x + 1', { x: seen }, [3, 4])
      k.reduce(
        r,
        'sum',
        'x * d',
        {
          x: seen,
          d: d
            .windows({
              ...all,
              size: [3, 5],
              padding: [
                [1, 1],
                [2, 2],
              ],
            })
            .slice(4, 1, 3),
        },
        [3, 4],
      )
    },
  },
  pool('max pool 2×2', 14, 2, 2),
  pool('max pool 2×2 with a rest', 7, 2, 2),
  pool('max pool 3×3, stride 2', 9, 3, 2),
  pool('max pool 3×3, stride 2, over both edges', 13, 3, 2),
  pool('max pool 3×3, stride 1', 10, 3, 1),
  pool('max pool 5×5, stride 3', 16, 5, 3),
  {
    title: 'gather rows and scatter them back',
    inputs: { table: [10, 3], i: [4, 1] },
    whole: { i: 10 },
    outputs: { y: [4, 3], back: [10, 3] },
    write(k, { table, i, y, back }) {
      k.gather(y.reshape(4, 1, 3), table.repeat(0, 4), i.repeat(2, 3).reshape(4, 1, 3), 1)
      k.scatter(back.repeat(0, 4), y, i, 1)
    },
  },
  {
    title: 'gather wide rows and scatter them back',
    inputs: { table: [20, 9], i: [32, 1] },
    whole: { i: 20 },
    outputs: { y: [32, 9], back: [20, 9] },
    write(k, { table, i, y, back }) {
      k.gather(y.reshape(32, 1, 9), table.repeat(0, 32), i.repeat(2, 9).reshape(32, 1, 9), 1)
      k.scatter(back.repeat(0, 32), y, i, 1)
    },
  },
  {
    title: 'scatter rows to a part of a buffer',
    inputs: { y: [32, 8], i: [32, 1] },
    whole: { i: 20 },
    outputs: { back: [25, 8] },
    write(k, { y, i, back }) {
      k.map(back, '3', {})
      k.scatter(back.slice(0, 2, 20).repeat(0, 32), y, i, 1)
    },
  },
  {
    title: 'gather along the last axis, and scatter to it',
    inputs: { x: [6, 7], i: [6, 4] },
    whole: { i: 7 },
    outputs: { y: [6, 4], back: [6, 7] },
    write(k, { x, i, y, back }) {
      k.gather(y, x, i, 1)
      k.scatter(back, y.slice(1, 0, 1).reshape(6), i.slice(1, 1, 1).reshape(6), 1)
    },
  },
]
