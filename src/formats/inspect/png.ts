import { DataError } from '../../errors.ts'
import { type Contents, short } from './contents.ts'

const colours: Readonly<Record<number, string>> = {
  0: 'grey',
  2: 'colour',
  3: 'palette',
  4: 'grey with transparency',
  6: 'colour with transparency',
}

/** A picture by its head and its parts; the pixels stay packed. */
export function pngContents(bytes: Uint8Array, name: string): Contents {
  const fail = (what: string) =>
    new DataError('bad-png', `${name} is no sound PNG: ${what}`, { hint: 'save the picture again as PNG' })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const parts = new Map<string, { chunks: number; bytes: number }>()
  const problems: string[] = []
  const notes: Record<string, string> = {}
  for (let at = 8, type = ''; type !== 'IEND'; ) {
    const length = at + 12 <= bytes.length ? view.getUint32(at) : Infinity
    if (at + 12 + length > bytes.length) {
      if (at === 8) throw fail('it ends in its head')
      problems.push('the file is cut short')
      break
    }
    type = new TextDecoder('latin1').decode(bytes.subarray(at + 4, at + 8))
    if (at === 8 && (type !== 'IHDR' || length !== 13)) throw fail('it does not begin with its size')
    if (type === 'tEXt') {
      const text = new TextDecoder('latin1').decode(bytes.subarray(at + 8, at + 8 + Math.min(length, 400)))
      const [key, value = ''] = text.split('\0')
      if (Object.keys(notes).length < 20) notes[short(key, 40)] = short(value)
    }
    const part = parts.get(type) ?? { chunks: 0, bytes: 0 }
    if (parts.size < 1000) parts.set(type, { chunks: part.chunks + 1, bytes: part.bytes + length })
    at += 12 + length
  }
  const [width, height] = [view.getUint32(16), view.getUint32(20)]
  if (width === 0 || height === 0) problems.push('it has no pixels')
  if (!(bytes[25] in colours)) problems.push(`it has the unknown colour type ${bytes[25]}`)
  if (!parts.has('IDAT')) problems.push('it holds no pixels')
  return {
    about: {
      size: `${width} × ${height}`,
      colour: colours[bytes[25]],
      'bits a sample': bytes[24],
      interlaced: bytes[28] ? 'yes' : 'no',
      ...notes,
    },
    tables: { chunks: [...parts].map(([chunk, { chunks, bytes }]) => ({ chunk: short(chunk), chunks, bytes })) },
    problems,
  }
}
