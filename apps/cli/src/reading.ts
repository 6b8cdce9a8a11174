import type { Dataset, Model } from 'nabla'
import { classes } from './data.ts'

/** Divides 10,000, so that one program does for all of MNIST's test images. */
const atOnce = 250

export interface Misread {
  row: number
  truth: number
  read: number
  /** Probability of the wrong answer. */
  confidence: number
}

/** How a model reads labelled digits. */
export interface Reading {
  size: number
  right: number
  accuracy: number
  /** Mean categorical cross-entropy. */
  loss: number
  /** `confusion[truth][read]` */
  confusion: number[][]
  /** The surest mistakes first. */
  misread: Misread[]
}

/** Let a model read every digit of a set and compare with the labels. */
export async function read(model: Model, data: Dataset): Promise<Reading> {
  return compare((await model.predict(data, { batchSize: atOnce })).data, data.size, row => data.label(row))
}

export function compare(
  probabilities: Float32Array | Float64Array,
  size: number,
  label: (row: number) => number,
): Reading {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  const misread: Misread[] = []
  let loss = 0
  for (let row = 0; row < size; row++) {
    const answer = probabilities.subarray(row * classes, (row + 1) * classes)
    const truth = label(row)
    const [read] = ranking(answer)
    confusion[truth][read]++
    loss -= Math.log(Math.max(1e-7, answer[truth]))
    if (read !== truth) misread.push({ row, truth, read, confidence: answer[read] })
  }
  misread.sort((a, b) => b.confidence - a.confidence || a.row - b.row)
  const right = size - misread.length
  return { size, right, accuracy: right / size, loss: loss / size, confusion, misread }
}

/** Classes from the most to the least probable; equals keep their order. */
export const ranking = (answer: ArrayLike<number>) =>
  Array.from(answer, (_, digit) => digit).sort((a, b) => answer[b] - answer[a] || a - b)
