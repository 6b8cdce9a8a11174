import { open, readFile, stat } from 'node:fs/promises'
import { DataError } from 'nabla'
import { classes, imageShape, loadImages } from './data.ts'
import { exists, writeWhole } from './files.ts'
import { count, percent } from './format.ts'
import type { Io } from './io.ts'
import { ranking } from './reading.ts'
import { openModel } from './runs.ts'
import { waiting } from './waiting.ts'

export interface PredictOptions {
  output?: string
  raw?: boolean
}

const largestFile = 32 * 2 ** 20

/** Read one digit from a PNG, or every digit of a CSV file. */
export async function predict(path: string, input: string, options: PredictOptions, io: Io): Promise<number> {
  if (!(await exists(input)))
    throw new DataError('no-such-file', `there is no file "${input}"`, { hint: 'check the path of the image or table' })
  return (await isPng(input)) ? predictImage(path, input, options, io) : predictTable(path, input, options, io)
}

async function predictImage(path: string, input: string, { raw }: PredictOptions, io: Io): Promise<number> {
  const { readImage } = await import('./image.ts')
  if ((await stat(input)).size > largestFile)
    throw new DataError('image-too-large', `"${input}" is larger than 32 MB`, { hint: 'scale the picture down first' })
  const x = await readImage(await readFile(input), input, { raw })
  const { model } = await openModel(path, io)
  const { data } = await model.predict({ x, inputShape: imageShape })
  for (const digit of ranking(data).slice(0, 3)) io.out(`${digit}  ${percent(data[digit]).padStart(8)}\n`)
  return 0
}

async function predictTable(path: string, input: string, { output }: PredictOptions, io: Io): Promise<number> {
  const label = (await startOf(input, 64)).trimStart().startsWith('label') ? 'label' : false
  const images = await waiting(io, `reading ${input}`, () => loadImages(input, label))
  const { model } = await openModel(path, io)
  const text = submission((await waiting(io, `predicting ${count(images.size)}`, () => model.predict(images))).data)
  if (output === undefined) io.out(text)
  else {
    await writeWhole(output, text)
    io.err(`${count(images.size)} answers in ${output}\n`)
  }
  return 0
}

/** Answers in Kaggle's form: the number of the image, from 1, and the most probable digit. */
export function submission(probabilities: Float32Array | Float64Array): string {
  const lines = ['ImageId,Label']
  for (let row = 0; row < probabilities.length / classes; row++)
    lines.push(`${row + 1},${ranking(probabilities.subarray(row * classes, (row + 1) * classes))[0]}`)
  return `${lines.join('\n')}\n`
}

const isPng = async (path: string) => /\.png$/i.test(path) || (await startOf(path, 4)).endsWith('PNG')

async function startOf(path: string, bytes: number): Promise<string> {
  if ((await stat(path)).isDirectory())
    throw new DataError('not-a-file', `"${path}" is a folder`, { hint: 'name a PNG image or a CSV file' })
  const file = await open(path).catch(({ code }: NodeJS.ErrnoException) => {
    throw new DataError('unreadable', `"${path}" cannot be read: ${code}`, { hint: 'check the rights of the file' })
  })
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0)
    return buffer.subarray(0, bytesRead).toString('latin1').replace('\xef\xbb\xbf', '')
  } finally {
    await file.close()
  }
}
