/** Inter if it is there, else what the reader's system uses. */
const fonts = "Inter, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"

export const ink = '#1f2430'
export const faint = '#8a909c'
export const blue = '#2563eb'

/** Text made safe for SVG and HTML, between tags and inside quotes. */
export const escapeXml = (text: string) =>
  text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`).replace(/[^\P{Cc}\t\n]/gu, '')

export interface TextOptions {
  size?: number
  fill?: string
  anchor?: 'start' | 'middle' | 'end'
  weight?: number
}

/** One line of text whose baseline starts, ends or is centred at (x, y). */
export function text(x: number, y: number, content: string, options: TextOptions = {}): string {
  const { size = 12, fill = ink, anchor = 'start', weight = 400 } = options
  return `<text x="${x}" y="${y}" font-size="${size}" fill="${fill}" text-anchor="${anchor}" font-weight="${weight}">${escapeXml(content)}</text>`
}

/** A whole drawing on white paper, with a title that screen readers announce. */
export function drawing(width: number, height: number, title: string, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${fonts}" role="img" aria-label="${escapeXml(title)}">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...body,
    '</svg>',
    '',
  ].join('\n')
}
