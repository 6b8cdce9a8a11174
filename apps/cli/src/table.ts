/** A cell of a table: a text or a number. */
export type Cell = string | number | null | undefined

/** A table in lines, as `summary` draws it: numbers to the right, long texts cut in the middle. */
export function drawTable(titles: readonly string[], rows: readonly (readonly Cell[])[], widest = 48): string {
  const texts = rows.map(row =>
    row.map((cell, i) => cut(typeof cell === 'number' ? numeral(cell, titles[i]) : (cell ?? ''), widest)),
  )
  const widths = titles.map((title, i) => Math.max(title.length, ...texts.map(row => row[i].length)))
  const right = titles.map((_, i) => rows.some(row => typeof row[i] === 'number'))
  const bar = (left: string, line: string, middle: string, end: string) =>
    left + widths.map(width => line.repeat(width + 2)).join(middle) + end
  const line = (cells: readonly string[], edge: string) =>
    `${edge} ${cells.map((cell, i) => (right[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(` ${edge} `)} ${edge}`
  return [
    bar('┏', '━', '┳', '┓'),
    line(titles, '┃'),
    bar('┡', '━', '╇', '┩'),
    ...texts.map(row => line(row, '│')),
    bar('└', '─', '┴', '┘'),
  ].join('\n')
}

/** Counts with separators, measurements to four digits. */
function numeral(value: number, title: string): string {
  const measured = /^(min|max|mean)$/.test(title)
  if (!measured || (Number.isInteger(value) && Math.abs(value) < 1e6)) return value.toLocaleString('en-US')
  return Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3
    ? value.toExponential(3)
    : Number(value.toPrecision(4)).toString()
}

function cut(text: string, most: number): string {
  if (text.length <= most) return text
  const half = Math.floor((most - 1) / 2)
  return `${text.slice(0, half)}…${text.slice(text.length - (most - 1 - half))}`
}
