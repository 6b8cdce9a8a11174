import { StateError } from 'nabla'
import type { Io } from './io.ts'
import { digits } from './networks.ts'
import { openModel } from './runs.ts'

export interface ExplainOptions {
  kernels?: boolean
  mode: 'train' | 'evaluate' | 'predict'
  batch: number
}

/** Print a step of a model in textbook notation, or its kernels with their times beside the machine's limit. */
export async function explain(what: string, { kernels, mode, batch }: ExplainOptions, io: Io): Promise<number> {
  const model = what === 'digits' ? digits(1) : (await openModel(what, io)).model
  if (mode !== 'predict' && !model.training)
    throw new StateError(
      'not-compiled',
      `"${what}" holds a model without its training, which --mode ${mode} explains`,
      {
        hint: '--mode predict explains how it answers',
      },
    )
  io.out(`${kernels ? model.kernels(mode, batch) : model.explain(mode, batch)}\n`)
  return 0
}
