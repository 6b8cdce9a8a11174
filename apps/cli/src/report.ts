import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Model } from 'nabla'
import { confusion, curves, digits, png } from 'nabla/plot'
import { classNames, type Digits } from './data.ts'
import { writeWhole } from './files.ts'
import { count, percent } from './format.ts'
import { reportPage } from './page.ts'
import type { Reading } from './reading.ts'
import type { Past, RunOptions } from './runs.ts'

export interface Result {
  model: Pick<Model, 'summary' | 'parameterCount'>
  data: Digits
  reading: Reading
  options: RunOptions
  past: Past
  aborted: boolean
}

const misreadShown = 40

/** Draw the figures of a run and write them, and the page that holds them all. */
export async function writeReport(folder: string, result: Result): Promise<void> {
  const { data, reading, past } = result
  const shown = reading.misread.slice(0, misreadShown)
  const figures: Record<string, string> = {
    ...(past.epochs > 0 && {
      accuracy: await curves(past.history, 'accuracy'),
      loss: await curves(past.history, 'loss'),
    }),
    confusion: confusion(reading.confusion, classNames),
    misread: digits(
      shown.map(({ row, truth, read, confidence }) => ({
        pixels: pixelsOf(data, row),
        caption: `true ${truth}, read ${read} (${percent(confidence, 0)})`,
      })),
      { subtitle: shown.length > 0 ? misreadNote(shown.length, reading) : '' },
    ),
  }
  for (const [name, svg] of Object.entries(figures)) {
    await writeWhole(join(folder, `${name}.svg`), svg)
    await writeWhole(join(folder, `${name}.png`), await png(svg, { fonts }))
  }
  await writeWhole(join(folder, 'report.html'), reportPage(folder, result, figures))
}

const misreadNote = (shown: number, { misread, size }: Reading) =>
  `${shown < misread.length ? `${shown} of the ` : ''}${count(misread.length)} misread among ${count(size)}, the surest first`

function pixelsOf({ heldOut }: Digits, row: number): Float32Array {
  const pixels = new Float32Array(28 * 28)
  heldOut.fill([row], pixels)
  return pixels
}

/** The command brings its own font, because a bare machine has none. */
const { resolve } = createRequire(import.meta.url)
const fonts = ['400Regular/Inter_400Regular.ttf', '600SemiBold/Inter_600SemiBold.ttf'].map(file =>
  resolve(`@expo-google-fonts/inter/${file}`),
)
