import { nothingElse } from '../errors.ts'
import { missing } from './peer.ts'

export interface PngOptions {
  /** Width in pixels; the height follows. Default: twice the drawing's own width. */
  width?: number
  /** TrueType files to draw text with, for machines that have no fonts. Default: the system's fonts. */
  fonts?: readonly string[]
}

/**
 * Turn an SVG into a PNG.
 *
 * @returns the bytes of the file
 * @throws StateError if the package @resvg/resvg-js is not installed
 * @example
 * await writeFile('loss.png', await png(await curves(history, 'loss'), { width: 1280 }))
 */
export async function png(svg: string, { width, fonts = [], ...others }: PngOptions = {}): Promise<Uint8Array> {
  nothingElse('png', others, { width, fonts })
  const { Resvg } = await import('@resvg/resvg-js').catch(missing('@resvg/resvg-js'))
  const image = new Resvg(svg, {
    fitTo: width === undefined ? { mode: 'zoom', value: 2 } : { mode: 'width', value: width },
    font: {
      fontFiles: [...fonts],
      loadSystemFonts: fonts.length === 0,
      ...(fonts.length ? { defaultFontFamily: 'Inter' } : {}),
    },
  })
  return new Uint8Array(image.render().asPng())
}
