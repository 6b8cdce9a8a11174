import { nothingElse, ShapeError } from '../errors.ts'
import { domainOf, frame, palette, round } from './axes.ts'
import { drawing, faint, text } from './svg.ts'

export interface BoundaryOptions {
  title?: string
  subtitle?: string
  width?: number
  height?: number
  /** Points along each side of the grid that is asked. */
  resolution?: number
}

/**
 * Draw what a model says of every point of the plane, and the samples it learnt from.
 *
 * @param points samples of two numbers, one after another
 * @param labels their classes, from 0
 * @param classify the classes of many points at once, given like `points`
 * @returns a standalone SVG
 * @throws ShapeError if there are not two numbers a label
 * @example
 * const svg = await boundary(x, y, async points => classesOf(await model.predict({ x: points, inputShape: [2] })))
 */
export async function boundary(
  points: ArrayLike<number>,
  labels: ArrayLike<number>,
  classify: (points: Float64Array) => ArrayLike<number> | Promise<ArrayLike<number>>,
  options: BoundaryOptions = {},
): Promise<string> {
  const { title = 'Decision boundary', subtitle = '', width = 560, height = 560, resolution = 120, ...others } = options
  nothingElse('boundary', others, { title, subtitle, width, height, resolution })
  if (points.length !== 2 * labels.length)
    throw new ShapeError('points-shape', `boundary got ${points.length} numbers for ${labels.length} labels`, {
      hint: 'give two numbers a label, one point after another',
    })
  const [xs, ys] = [0, 1].map(axis => Array.from(labels, (_, i) => points[2 * i + axis]))
  const [x, y] = [domainOf(xs, 0.08), domainOf(ys, 0.08)]
  const area = { left: 56, top: subtitle ? 76 : 54, right: width - 24, bottom: height - 36 }
  const axes = frame(x, y, area)
  const middle = (i: number, [low, high]: readonly [number, number]) => low + ((i + 0.5) / resolution) * (high - low)
  const grid = new Float64Array(2 * resolution ** 2)
  for (let i = 0; i < resolution ** 2; i++) {
    grid[2 * i] = middle(i % resolution, x)
    grid[2 * i + 1] = middle(resolution - 1 - Math.floor(i / resolution), y)
  }
  const classes = await classify(grid)
  const [w, h] = [(area.right - area.left) / resolution, (area.bottom - area.top) / resolution]
  return drawing(width, height, title, [
    text(24, 32, title, { size: 17, weight: 600 }),
    ...(subtitle ? [text(24, 54, subtitle, { fill: faint })] : []),
    ...axes.body,
    `<g transform="translate(${area.left} ${area.top}) scale(${round(w * 1e4) / 1e4} ${round(h * 1e4) / 1e4})" opacity="0.28" shape-rendering="crispEdges">`,
    ...fields(classes, resolution),
    '</g>',
    ...Array.from(labels, (label, i) => {
      const fill = palette[label % palette.length]
      return `<circle cx="${round(axes.x(xs[i]))}" cy="${round(axes.y(ys[i]))}" r="3.2" fill="${fill}" stroke="#fff" stroke-width="0.8"/>`
    }),
  ])
}

/** One path a class, one rectangle a run of equal cells. */
function fields(classes: ArrayLike<number>, side: number): string[] {
  const paths = new Map<number, string>()
  for (let at = 0; at < side * side; ) {
    const start = at
    const found = classes[at]
    do at++
    while (at % side !== 0 && classes[at] === found)
    const run = `M${start % side} ${Math.floor(start / side)}h${at - start}v1h${start - at}z`
    paths.set(found, (paths.get(found) ?? '') + run)
  }
  return [...paths].map(([label, d]) => `<path fill="${palette[label % palette.length]}" d="${d}"/>`)
}
