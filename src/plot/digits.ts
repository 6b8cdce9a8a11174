import { nothingElse, ShapeError } from '../errors.ts'
import { drawing, faint, text } from './svg.ts'

/** A picture of ink (0 is paper, 1 is full ink) and a line under it. */
export interface Picture {
  readonly pixels: ArrayLike<number>
  readonly caption: string
}

export interface DigitsOptions {
  title?: string
  subtitle?: string
  /** Pictures a row. */
  columns?: number
  /** Height of a picture in pixels of its own; its width follows from its length. */
  rows?: number
  /** Width of one pixel in the drawing. */
  zoom?: number
}

const levels = 16

/**
 * Draw small grey pictures in a grid, each with its caption, as vectors that stay sharp at any size.
 *
 * @param pictures ink from 0 to 1, row by row
 * @returns a standalone SVG
 * @throws ShapeError if a picture is no whole number of rows
 * @example
 * const svg = digits([{ pixels: image, caption: 'true 4, read 9 (71 %)' }])
 */
export function digits(pictures: readonly Picture[], options: DigitsOptions = {}): string {
  const { title = 'Misread digits', subtitle = '', columns = 8, rows = 28, zoom = 3.5, ...others } = options
  nothingElse('digits', others, { title, subtitle, columns, rows, zoom })
  const widths = pictures.map(({ pixels }) => pixels.length / rows)
  if (widths.some(width => width === 0 || !Number.isInteger(width)))
    throw new ShapeError('picture-shape', `digits got a picture that does not fill ${rows} rows`, {
      hint: 'pass the number of rows of one picture as { rows }',
    })
  const cellWidth = Math.max(rows, ...widths) * zoom + 34
  const cellHeight = rows * zoom + 42
  const used = Math.min(columns, Math.max(pictures.length, title ? 5 : 1))
  const top = title || subtitle ? 78 : 20
  const body =
    title || subtitle ? [text(24, 34, title, { size: 17, weight: 600 }), text(24, 56, subtitle, { fill: faint })] : []
  pictures.forEach(({ pixels, caption }, i) => {
    const width = widths[i] * zoom
    const x = 14 + (i % columns) * cellWidth + (cellWidth - width) / 2
    const y = top + Math.floor(i / columns) * cellHeight
    body.push(
      `<g transform="translate(${x} ${y})">`,
      `<rect x="-4" y="-4" width="${width + 8}" height="${rows * zoom + 8}" rx="5" fill="#fff" stroke="#e1e4e9"/>`,
      `<g transform="scale(${zoom})" shape-rendering="crispEdges">${strokes(pixels, widths[i])}</g>`,
      text(width / 2, rows * zoom + 23, caption, { size: 11.5, anchor: 'middle' }),
      '</g>',
    )
  })
  if (pictures.length === 0) body.push(text(24, 100, 'none: every digit was read correctly'))
  const height = top + Math.max(1, Math.ceil(pictures.length / columns)) * cellHeight + 6
  return drawing(Math.ceil(28 + used * cellWidth), Math.ceil(height), title, body)
}

/** One path a grey level, one rectangle a run of equal pixels. */
function strokes(pixels: ArrayLike<number>, width: number): string {
  const paths = Array.from({ length: levels }, () => '')
  const level = (at: number) => Math.round(Math.min(1, Math.max(0, pixels[at] || 0)) * (levels - 1))
  for (let at = 0; at < pixels.length; ) {
    const start = at
    const grey = level(at)
    do at++
    while (at % width !== 0 && at < pixels.length && level(at) === grey)
    paths[grey] += `M${start % width} ${Math.floor(start / width)}h${at - start}v1h${start - at}z`
  }
  const shade = (grey: number) => Math.round(255 * (1 - grey / (levels - 1)))
  return paths
    .map((path, grey) => (path && grey > 0 ? `<path fill="rgb(${Array(3).fill(shade(grey))})" d="${path}"/>` : ''))
    .join('')
}
