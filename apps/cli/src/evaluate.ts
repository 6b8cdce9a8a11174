import type { Dataset } from 'nabla'
import { holdsIdx, loadDigits, loadImages } from './data.ts'
import { count, metric, percent } from './format.ts'
import type { Io } from './io.ts'
import { read } from './reading.ts'
import { openModel, type RunOptions } from './runs.ts'
import { waiting } from './waiting.ts'

/** Measure a model on the images its run held out, on MNIST's test images, or on the whole of a table or folder of pictures. */
export async function evaluate(path: string, data: string | undefined, io: Io): Promise<number> {
  const { model, options } = await openModel(path, io)
  const { set, name } = await waiting(io, `reading ${data ?? 'what the run held out'}`, () => choose(data, options))
  const { loss, accuracy, misread, size } = await waiting(io, `reading ${count(set.size)} digits`, () =>
    read(model, set),
  )
  io.out(
    `loss: ${metric(loss)} - ${name} accuracy ${percent(accuracy)} (${count(misread.length)} of ${count(size)} misread)\n`,
  )
  return 0
}

async function choose(data: string | undefined, options?: RunOptions): Promise<{ set: Dataset; name: string }> {
  if (data !== undefined && data !== 'mnist' && !(await holdsIdx(data)))
    return { set: await loadImages(data, 'label'), name: data }
  const source = data === undefined && options ? options : { data: data ?? 'mnist', split: 'mnist' as const }
  const { heldOut, measure } = await loadDigits(source)
  return { set: heldOut, name: measure }
}
