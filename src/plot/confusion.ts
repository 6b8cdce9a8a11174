import { ShapeError } from '../errors.ts'
import { blue, drawing, faint, ink, text } from './svg.ts'

const cell = 46
const left = 74
const top = 106

/**
 * Draw which class was read as which: rows are the truth, columns the reading, blue is right and orange is wrong.
 *
 * @param matrix counts, `matrix[truth][reading]`
 * @param classNames one name a class
 * @returns a standalone SVG
 * @throws ShapeError if the matrix is not square or has another size than the names
 * @example
 * const svg = confusion([[50, 2], [1, 47]], ['cat', 'dog'])
 */
export function confusion(matrix: readonly (readonly number[])[], classNames: readonly string[]): string {
  const size = classNames.length
  if (matrix.length !== size || matrix.some(row => row.length !== size))
    throw new ShapeError('confusion-shape', `confusion got ${matrix.length} rows, but ${size} class names`, {
      hint: 'pass a square matrix, matrix[truth][reading], and one name a class',
    })
  const totals = matrix.map(row => row.reduce((sum, count) => sum + count, 0))
  const largest = Math.max(1, ...matrix.flatMap((row, i) => row.filter((_, j) => i !== j)))
  const most = Math.max(1, ...matrix.map((row, i) => row[i]))
  const body = [
    text(24, 34, 'Confusion matrix', { size: 17, weight: 600 }),
    text(24, 56, 'rows: the truth · columns: what was read · right: how many of the row were read correctly', {
      fill: faint,
    }),
    ...classNames.flatMap((name, i) => [
      text(left + (i + 0.5) * cell, top - 12, name, { anchor: 'middle', weight: 600, size: 13 }),
      text(left - 14, top + (i + 0.5) * cell + 5, name, { anchor: 'end', weight: 600, size: 13 }),
      text(left + size * cell + 14, top + (i + 0.5) * cell + 5, share(matrix[i][i], totals[i]), { size: 13 }),
    ]),
  ]
  matrix.forEach((row, i) => {
    row.forEach((count, j) => {
      const strength = i === j ? 0.25 + 0.75 * (count / most) : Math.sqrt(count / largest)
      const fill =
        count === 0 ? '#f4f5f7' : mix(i === j ? blue : '#ea580c', i === j ? strength : 0.12 + 0.88 * strength)
      const [x, y] = [left + j * cell, top + i * cell]
      body.push(`<rect x="${x + 1}" y="${y + 1}" width="${cell - 2}" height="${cell - 2}" rx="4" fill="${fill}"/>`)
      if (count > 0)
        body.push(
          text(x + cell / 2, y + cell / 2 + 5, String(count), {
            anchor: 'middle',
            size: 13,
            fill: strength > 0.55 ? '#fff' : ink,
          }),
        )
    })
  })
  return drawing(left + size * cell + 92, top + size * cell + 28, 'Confusion matrix', body)
}

const share = (right: number, total: number) => (total === 0 ? '–' : `${((100 * right) / total).toFixed(2)} %`)

/** `colour` thinned with white, from 0 (white) to 1. */
function mix(colour: string, strength: number): string {
  const part = (at: number) => Math.round(255 + (Number.parseInt(colour.slice(at, at + 2), 16) - 255) * strength)
  return `rgb(${part(1)},${part(3)},${part(5)})`
}
