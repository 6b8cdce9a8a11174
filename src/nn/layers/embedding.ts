import { sizeOf } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, pair, whole } from '../layer.ts'
import { counting } from '../masks.ts'
import {
  type ConstraintChoice,
  type InitializerChoice,
  type RegularizerChoice,
  resolveInitializer,
} from '../resolve.ts'

export interface EmbeddingOptions extends LayerOptions {
  /** 0 is no word but padding: steps where it stands do not count for the layers that follow. */
  maskZero?: boolean
  /** How W begins. */
  embeddingsInitializer?: InitializerChoice
  /** A penalty on W that joins the loss. */
  embeddingsRegularizer?: RegularizerChoice
  /** Where W is put back to after each step. */
  embeddingsConstraint?: ConstraintChoice
}

/**
 * A row of numbers for each of a vocabulary: y = W[x], a dense layer on one-hot vectors without the zeros. A number
 * outside 0 … inputDim − 1 is taken as the nearest one inside.
 * @equation y_s = W_{x_s}
 * @slope dW_n = \sum_{x_s = n} dy_s
 * @shape [steps] whole numbers → [steps, outputDim]
 * @param inputDim size of the vocabulary
 * @param outputDim length of a row
 * @example
 * embedding(1000, 16)
 */
export const embedding = layer(
  'embedding',
  ['inputDim', 'outputDim'],
  (inputDim: number, outputDim: number, options: EmbeddingOptions = {}) => {
    whole('embedding', 'inputDim', inputDim)
    whole('embedding', 'outputDim', outputDim)
    const initial = { W: resolveInitializer(options.embeddingsInitializer ?? 'randomUniform') }
    const rows = (y: View) => y.matrix(y.shape.length - 1)
    return pair({
      shapes: input => ({ y: [...input, outputDim], params: { W: [inputDim, outputDim] }, saved: { row: input } }),
      initial,
      mask: options.maskZero ? (k, { x }) => counting(k, x.shape, 'x != 0', { x }) : undefined,
      forward(k, { x, W, row, y }) {
        k.map(row, 'clamp(floor(x), 0, inputDim - 1)', { x, inputDim })
        k.gather(rows(y), W, row.reshape(sizeOf(row.shape), 1), 0) // y = W[row]
      },
      backward(k, { row, dx, dy, dW }) {
        const N = sizeOf(row.shape)
        k.scatter(dW.repeat(0, N), rows(dy), row.reshape(N, 1), 1) // dW[row] += dy
        k.map(dx, '0 * row', { row }) // a whole number has no slope
      },
    })
  },
)
