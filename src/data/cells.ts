/** The cells of a line, blanks around them left out; nothing where its quotes are wrong. */
export function cellsOf(text: string, separator: string, hasQuotes: boolean): string[] | undefined {
  if (!hasQuotes) return text.split(separator).map(cell => cell.trim())
  const cells: string[] = []
  const cell = separator === '\t' ? quotedCell.tab : separator === ';' ? quotedCell.semicolon : quotedCell.comma
  cell.lastIndex = 0
  for (;;) {
    const found = cell.exec(text)
    if (!found) return undefined
    cells.push(found[1] === undefined ? found[2].trim() : found[1].replaceAll('""', '"'))
    if (found[3] === '') return cells
  }
}
const cellPattern = (separator: string) =>
  new RegExp(`[^\\S${separator}]*(?:"((?:[^"]|"")*)"[^\\S${separator}]*|([^"${separator}]*))(${separator}|$)`, 'y')
const quotedCell = { comma: cellPattern(','), semicolon: cellPattern(';'), tab: cellPattern('\t') }
