import { nothingElse, ShapeError } from '../errors.ts'
import { type Domain, domainOf, frame, palette, round } from './axes.ts'
import { drawing, faint, text } from './svg.ts'

/** Points with a name; NaN leaves a gap in a line. */
export interface Series {
  readonly name: string
  readonly x: ArrayLike<number>
  readonly y: ArrayLike<number>
  /** How they are drawn; `small dots` are a text's `s=1`. */
  readonly mark?: 'line' | 'dots' | 'small dots'
  readonly color?: string
}

export interface ChartOptions {
  title?: string
  subtitle?: string
  xLabel?: string
  yLabel?: string
  xDomain?: Domain
  yDomain?: Domain
  width?: number
  height?: number
  /** The corner it stands in, or beside the picture; false where the title says it all. */
  legend?: 'left' | 'right' | 'beside' | false
}

/**
 * Draw series over one pair of axes, as lines or as scattered dots, with a legend. What lies outside
 * the domains is left out.
 *
 * @returns a standalone SVG
 * @throws ShapeError if a series has not as many x as y
 * @example
 * const svg = chart([{ name: 'tanh', x, y, mark: 'dots' }], { title: 'tanh Function' })
 */
export function chart(series: readonly Series[], options: ChartOptions = {}): string {
  const {
    title = '',
    subtitle = '',
    width = 640,
    height = 400,
    legend = series.length > 1 && 'left',
    ...rest
  } = options
  const { xLabel, yLabel, xDomain: across, yDomain: up, ...others } = rest
  const labels = { x: xLabel, y: yLabel }
  const all = { title, subtitle, xLabel, yLabel, xDomain: across, yDomain: up, width, height, legend }
  nothingElse('chart', others, all)
  for (const { name, x, y } of series)
    if (x.length !== y.length)
      throw new ShapeError('series-shape', `chart got ${x.length} x and ${y.length} y for "${name.slice(0, 32)}"`, {
        hint: 'give one y an x',
      })
  const [xDomain, yDomain] = [across ?? domainOf(every(series, 'x'), 0.02), up ?? domainOf(every(series, 'y'))]
  const names = series.map(({ name }) => (name.length > 28 ? `${name.slice(0, 27)}…` : name))
  const longest = Math.max(0, ...names.map(name => name.length))
  const wide = longest * 6.6 + 40
  const right = width - 24 - (legend === 'beside' ? wide + 12 : 0)
  const area = { left: 64, top: title ? (subtitle ? 76 : 54) : 20, right, bottom: height - 44 }
  const axes = frame(xDomain, yDomain, area, labels)
  const colors = series.map(({ color }, i) => color ?? palette[i % palette.length])
  const corner = { left: area.left + 10, right: right - wide - 10, beside: right + 12 }[legend || 'left']
  return drawing(width, height, title, [
    ...(title ? [text(24, 32, title, { size: 17, weight: 600 })] : []),
    ...(subtitle ? [text(24, 54, subtitle, { fill: faint })] : []),
    ...axes.body,
    ...series.map(({ x, y, mark = 'line' }, i) => {
      const points = Array.from(x, (value, k) =>
        inside(value, xDomain) && inside(y[k], yDomain) ? [round(axes.x(value)), round(axes.y(y[k]))] : undefined,
      )
      return mark === 'line' ? line(points, colors[i]) : dots(points, colors[i], mark === 'dots' ? 3 : 1.2)
    }),
    ...(legend
      ? [
          `<rect x="${round(corner)}" y="${area.top + 8}" width="${round(wide)}" height="${series.length * 18 + 10}" rx="4" fill="#fff" fill-opacity="0.85" stroke="#e1e4e9"/>`,
          ...series.flatMap(({ mark = 'line' }, i) => {
            const [x, y] = [round(corner + 10), area.top + 22 + i * 18]
            const sign =
              mark === 'line'
                ? `<path d="M${x - 4} ${y}h16" stroke="${colors[i]}" stroke-width="2"/>`
                : `<circle cx="${x + 4}" cy="${y}" r="${mark === 'dots' ? 3.5 : 1.6}" fill="${colors[i]}"/>`
            return [sign, text(x + 20, y + 4, names[i])]
          }),
        ]
      : []),
  ])
}

function* every(series: readonly Series[], key: 'x' | 'y') {
  for (const one of series) yield* Array.from(one[key])
}

const inside = (value: number, [low, high]: Domain) => value >= low && value <= high

type Point = readonly number[] | undefined

const line = (points: readonly Point[], color: string) => {
  const d = points.map((point, i) => (point ? `${points[i - 1] ? 'L' : 'M'}${point.join(' ')}` : ''))
  return `<path d="${d.join('')}" fill="none" stroke="${color}" stroke-width="2" stroke-linejoin="round"/>`
}

const dots = (points: readonly Point[], color: string, r: number) =>
  points.map(point => (point ? `<circle cx="${point[0]}" cy="${point[1]}" r="${r}" fill="${color}"/>` : '')).join('')

/**
 * Put drawings side by side into one.
 *
 * @param pictures standalone SVGs of one size
 * @returns a standalone SVG
 */
export function panels(pictures: readonly string[], options: { title?: string; columns?: number } = {}): string {
  const { title = '', columns = 3, ...others } = options
  nothingElse('panels', others, { title, columns })
  const sizes = pictures.map(svg => [...(/width="(\d+)" height="(\d+)"/.exec(svg) ?? [0, 0, 0])].slice(1).map(Number))
  const [width, height] = [0, 1].map(i => Math.max(1, ...sizes.map(size => size[i])))
  const top = title ? 52 : 0
  const wide = Math.min(columns, Math.max(1, pictures.length))
  return drawing(wide * width, top + Math.ceil(pictures.length / columns) * height, title, [
    ...(title ? [text(24, 36, title, { size: 19, weight: 600 })] : []),
    ...pictures.map((svg, i) =>
      svg.replace('<svg ', `<svg x="${(i % columns) * width}" y="${top + Math.floor(i / columns) * height}" `),
    ),
  ])
}
