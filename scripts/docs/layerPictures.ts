import { chart, digits, panels, type Series } from '../../src/plot/index.ts'
import type { Shape } from '../../src/tensor/shape.ts'
import { sizeOf } from '../../src/tensor/shape.ts'
import { grid, steady } from './numbers.ts'
import { type Case, perform, shapesOf } from './perform.ts'

// What a layer does to something that one can see: a digit, a wave, a line of numbers.

/** A five, fourteen pixels wide, in ten shades. */
const FIVE = `
  ..............
  ..............
  ....247974....
  ....9621......
  ....46........
  ....48651.....
  ...1942485....
  .........371..
  ..........38..
  ...........8..
  ...16...1364..
  ...17888752...
  ..............
  ..............`
  .replace(/\s/g, '')
  .split('')
  .map(shade => (shade === '.' ? 0 : Number(shade) / 9))

/** The picture of a layer, if it has one that says something. */
export function pictureOf(of: Case): string | undefined {
  if (of.layer.type === 'input') return undefined
  const ways = [image, volume, sequence, curve, rows, merged, response]
  for (const way of ways) {
    try {
      const found = way(of)
      if (found) return found
    } catch {
      // It does not take such inputs: the next way.
    }
  }
  return undefined
}

const isRandom = (of: Case) => Object.keys(shapesOf(of).random ?? {}).length > 0

/** Windows that look for something: slopes across and down, the mean, spots. Other weights are drawn. */
const looking = (axes: number) => (_: string, shape: Shape) => {
  if (shape.length !== axes + 2 || shape.slice(0, axes).every(n => n === 1)) return undefined
  const [height, width] = axes > 1 ? shape.slice(axes - 2, axes) : [1, shape[0]]
  const [a, b] = shape.slice(axes)
  return Array.from({ length: sizeOf(shape) }, (_, at) => {
    const [filter, place] = [at % (a * b), Math.floor(at / (a * b))]
    const [i, j] = [Math.floor(place / width) % height, place % width]
    const [down, across] = [i - (height - 1) / 2, j - (width - 1) / 2]
    const share = 1 / sizeOf(shape.slice(0, axes))
    const ways = [across, down, share, (down || across ? 0 : 1) - share]
    return ways[axes > 1 ? filter % 4 : [0, 2, 3][filter % 3]]
  })
}

/** Values as ink: those below zero are lighter than what is in between. */
function ink(values: readonly number[]): number[] {
  const [low, high] = [Math.min(0, ...values), Math.max(...values, 1e-9)]
  return values.map(v => (v - low) / (high - low))
}

const channel = (y: readonly number[], channels: number, which: number) => y.filter((_, i) => i % channels === which)

function grey(pixels: readonly number[], height: number, caption: string, zoom = 6): string {
  const width = pixels.length / height
  const size = Math.max(height, width)
  return digits([{ pixels: ink(pixels), caption }], { title: '', rows: height, zoom: (zoom * 14) / size, columns: 1 })
}

function image({ layer, inputs }: Case): string | undefined {
  if (inputs.length !== 1 || inputs[0].length !== 3) return undefined
  const of = { layer, inputs: [[14, 14, 1]] }
  const { y: shape } = shapesOf(of)
  if (shape.length !== 3 || 'view' in layer.pair) return undefined
  const draws = isRandom(of) ? 3 : 1
  const x = Array(draws).fill(FIVE).flat()
  // What is drawn may leave all as it is: then it is drawn again.
  const outcome = (seed: number) => perform(of, [x], { weights: looking(2), seed }).y
  let y = outcome(4)
  const isSame = () => y.length === x.length && y.every((v, i) => v === x[i])
  for (let seed = 5; seed < 9 && draws > 1 && isSame(); seed++) y = outcome(seed)
  if (isSame()) return undefined
  const size = sizeOf(shape)
  const after =
    draws > 1
      ? [0, 1, 2].map(i => ({
          pixels: channel(y.slice(i * size, (i + 1) * size), shape[2], 0),
          caption: `draw ${i + 1}`,
        }))
      : Array.from({ length: Math.min(3, shape[2]) }, (_, i) => ({
          pixels: channel(y, shape[2], i),
          caption: shape[2] > 1 ? `channel ${i + 1}` : `${shape[0]} × ${shape[1]}`,
        }))
  return beside(layer.type, [
    { pixels: FIVE, height: 14, caption: '14 × 14' },
    ...after.map(each => ({ ...each, height: shape[0] })),
  ])
}

function volume({ layer, inputs }: Case): string | undefined {
  if (inputs.length !== 1 || inputs[0].length !== 4) return undefined
  const of = { layer, inputs: [[4, 14, 14, 1]] }
  const { y: shape } = shapesOf(of)
  if (shape.length !== 4 || 'view' in layer.pair) return undefined
  const x = [0.25, 0.5, 0.75, 1].flatMap(share => FIVE.map(v => share * v))
  const { y } = perform(of, [x], { weights: looking(3), seed: 4 })
  const first = channel(y, shape[3], 0)
  const size = shape[1] * shape[2]
  const of4 = (values: readonly number[], size: number, height: number, what: string, count: number) =>
    Array.from({ length: count }, (_, i) => ({
      pixels: values.slice(i * size, (i + 1) * size),
      height,
      caption: `${what} ${i + 1}`,
    }))
  const shown = [...of4(x, 196, 14, 'slice', 2), ...of4(first, size, shape[1], 'after, slice', Math.min(2, shape[0]))]
  return beside(layer.type, shown)
}

const beside = (title: string, pictures: readonly { pixels: readonly number[]; height: number; caption: string }[]) =>
  panels(
    pictures.map(({ pixels, height, caption }) => grey(pixels, height, caption)),
    { columns: 4, title },
  )

/** A wave, and what becomes of it. */
function sequence({ layer, inputs }: Case): string | undefined {
  if (inputs.length !== 1 || inputs[0].length !== 2 || 'view' in layer.pair) return undefined
  const steps = 24
  const whole = (found: Case) =>
    shapesOf(found).y.length === 2 ? found : { ...found, layer: layer.with({ returnSequences: true }) }
  const of = whole({ layer, inputs: [[steps, 1]] })
  const { y: shape } = shapesOf(of)
  if (shape.length !== 2 || shape[1] > 64) return undefined
  const x = grid(0, steps - 1, steps)
  const wave = x.map(step => Math.sin(step / 2.2) + (step === 16 ? 1 : 0))
  const { y } = perform(of, [wave], { weights: shape[1] > 0 ? looking(1) : undefined, seed: 2 })
  const places = grid(0, steps - 1, shape[0])
  const channels = Math.min(2, shape[1])
  const after = Array.from(
    { length: channels },
    (_, i): Series => ({
      name: channels > 1 ? `after, channel ${i + 1}` : 'after',
      x: places,
      y: channel(y, shape[1], i),
    }),
  )
  if (after.every(({ y }) => Array.from(y).every(v => v === y[0]))) return undefined
  return chart([{ name: 'before', x, y: wave, color: '#94a3b8' }, ...after], {
    title: `${layer.type} of a wave`,
    xLabel: `${shape[0]} of ${steps} steps`,
    legend: 'beside',
  })
}

/** y = f(x) where each number goes its own way. */
function curve({ layer, inputs }: Case): string | undefined {
  if (inputs.length !== 1) return undefined
  const of = { layer, inputs: [[1]] }
  const shapes = shapesOf(of)
  if (sizeOf(shapes.y) !== 1 || shapes.shared || shapes.state || 'view' in layer.pair) return undefined
  const random = isRandom(of)
  const x = grid(-4, 4, random ? 161 : 121)
  const { y, dx } = perform(of, [x])
  if (y.every(v => v === y[0])) return undefined
  const title = `${layer.type}${random ? ', as it is drawn for each number' : ' and its slope'}`
  if (random) return chart([{ name: 'y', x, y, mark: 'dots' }], { title, xLabel: 'x' })
  return chart([{ name: 'y', x, y }, ...(dx ? [{ name: 'dy/dx', x, y: dx }] : [])], { title, xLabel: 'x' })
}

/** Numbers before and after: what a normalisation makes of a sample. */
function rows(of: Case): string | undefined {
  const { layer, inputs } = of
  const size = sizeOf(inputs[0])
  if (inputs.length !== 1 || 'view' in layer.pair) return undefined
  if (sizeOf(shapesOf(of).y) !== size || shapesOf(of).params?.W) return undefined
  const samples = 4
  const x = steady([samples * size]).map(v => 2 * v + 1.5)
  const { y } = perform(of, [x])
  if (y.every((v, i) => Math.abs(v - x[i]) < 1e-12)) return undefined
  const shown = Math.min(40, x.length)
  const places = grid(0, shown - 1, shown)
  return chart(
    [
      { name: 'before', x: places, y: x.slice(0, shown), mark: 'dots', color: '#94a3b8' },
      { name: 'after', x: places, y: y.slice(0, shown), mark: 'dots' },
    ],
    { title: `${layer.type}: numbers before and after`, xLabel: `place, ${size} a sample`, legend: 'beside' },
  )
}

/** Two waves and what becomes of them together. */
function merged({ layer, inputs }: Case): string | undefined {
  if (inputs.length < 2) return undefined
  const n = 24
  const of = { layer, inputs: [[n], [n]] }
  const { y: shape } = shapesOf(of)
  const x = grid(0, n - 1, n)
  const waves = [x.map(i => Math.sin(i / 3)), x.map(i => 0.6 * Math.cos(i / 1.7))]
  const { y } = perform(of, waves)
  if (sizeOf(shape) < n) return undefined
  return chart(
    [
      ...waves.map((wave, i) => ({ name: 'ab'[i], x, y: wave, color: ['#94a3b8', '#cbd5e1'][i] })),
      { name: 'y', x: grid(0, y.length - 1, y.length), y },
    ],
    { title: `${layer.type} of two rows of numbers`, xLabel: 'place', legend: 'beside' },
  )
}

/** The first outputs while all inputs go along a line. */
function response(of: Case): string | undefined {
  const { layer, inputs } = of
  const outputs = sizeOf(shapesOf(of).y)
  if ('view' in layer.pair || inputs.length > 3) return undefined
  const s = grid(-3, 3, 61)
  const { y } = perform(
    of,
    inputs.map(shape => s.flatMap(at => steady(shape).map(v => at * v))),
    { training: isRandom(of) },
  )
  const series = Array.from({ length: Math.min(4, outputs) }, (_, i) => ({
    name: `y${'₁₂₃₄'[i]}`,
    x: s,
    y: s.map((_, row) => y[row * outputs + i]),
  }))
  if (series.every(({ y }) => y.every(v => v === y[0]))) return undefined
  return chart(series, {
    title: `${layer.type}: what it gives while its inputs grow`,
    xLabel: 'inputs, times',
    legend: 'beside',
  })
}
