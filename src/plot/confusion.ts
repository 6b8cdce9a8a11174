import { ShapeError } from '../errors.ts'
import { blue, drawing, faint, ink, text } from './svg.ts'

const cell = 46
const mostShown = 100
const mostLetters = 24

/**
 * Draw which class was read as which: rows are the truth, columns the reading, blue is right and orange is wrong. Of more
 * than 100 classes, the 100 that are part of the most mistakes are drawn.
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
  const shown = worst(matrix)
  const names = shown.map(i => (classNames[i].length > mostLetters ? `${classNames[i].slice(0, mostLetters - 1)}…` : classNames[i])) // biome-ignore format: one thought
  const longest = Math.max(0, ...names.map(name => name.length))
  const isLong = longest > 6
  const left = Math.max(74, 36 + longest * 8)
  const top = 106 + (isLong ? longest * 7 : 0)
  let [largest, most] = [1, 1]
  for (const i of shown)
    for (const j of shown)
      if (i === j) most = Math.max(most, matrix[i][i])
      else largest = Math.max(largest, matrix[i][j])
  const body = [
    text(24, 34, 'Confusion matrix', { size: 17, weight: 600 }),
    text(24, 56, 'rows: the truth · columns: what was read · right: how many of the row were read correctly', {
      fill: faint,
    }),
    ...(shown.length < size
      ? [text(24, 76, `the ${shown.length} of ${size} classes with the most mistakes`, { fill: faint })]
      : []),
    ...names.flatMap((name, i) => {
      const [x, y, row] = [left + (i + 0.5) * cell, top + (i + 0.5) * cell + 5, matrix[shown[i]]]
      return [
        isLong
          ? `<g transform="translate(${x + 4} ${top - 8}) rotate(-60)">${text(0, 0, name, { weight: 600, size: 13 })}</g>`
          : text(x, top - 12, name, { anchor: 'middle', weight: 600, size: 13 }),
        text(left - 14, y, name, { anchor: 'end', weight: 600, size: 13 }),
        text(left + shown.length * cell + 14, y, share(row[shown[i]], sum(row)), { size: 13 }),
      ]
    }),
  ]
  shown.forEach((truth, i) => {
    shown.forEach((reading, j) => {
      const count = matrix[truth][reading]
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
  return drawing(left + shown.length * cell + 92, top + shown.length * cell + 28, 'Confusion matrix', body)
}

/** The classes to draw, in their order: all, or those that are part of the most mistakes. */
function worst(matrix: readonly (readonly number[])[]): number[] {
  const all = matrix.map((_, i) => i)
  if (all.length <= mostShown) return all
  const mistakes = matrix.map((row, i) => sum(row) - row[i])
  for (const [i, row] of matrix.entries()) for (const j of all) if (j !== i) mistakes[j] += row[j]
  const chosen = all.sort((a, b) => mistakes[b] - mistakes[a] || a - b).slice(0, mostShown)
  return chosen.sort((a, b) => a - b)
}

const sum = (row: readonly number[]) => row.reduce((all, count) => all + count, 0)
const share = (right: number, total: number) => (total === 0 ? '–' : `${((100 * right) / total).toFixed(2)} %`)

/** `colour` thinned with white, from 0 (white) to 1. */
function mix(colour: string, strength: number): string {
  const part = (at: number) => Math.round(255 + (Number.parseInt(colour.slice(at, at + 2), 16) - 255) * strength)
  return `rgb(${part(1)},${part(3)},${part(5)})`
}
