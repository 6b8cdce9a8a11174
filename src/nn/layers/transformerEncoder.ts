import { ShapeError } from '../../errors.ts'
import { type LayerOptions, layer, whole } from '../layer.ts'
import type { ActivationChoice, InitializerChoice, WeightOptions } from '../resolve.ts'
import type { AttendingOptions } from './attending.ts'
import { composed } from './composed.ts'
import { dense } from './dense.ts'
import { dropout } from './dropout.ts'
import { add } from './merging.ts'
import { multiHeadAttention } from './multiHeadAttention.ts'
import { layerNormalization } from './normalizations.ts'
import { timeDistributed } from './timeDistributed.ts'

export interface TransformerEncoderOptions extends LayerOptions, AttendingOptions, WeightOptions {
  /** f, between the two dense layers. */
  activation?: ActivationChoice
  /** Of the normalisations. */
  epsilon?: number
  /** Normalise before attention and dense layers, not after: deep stacks train without a warm-up. */
  normalizeFirst?: boolean
  /** How W begins. */
  kernelInitializer?: InitializerChoice
  /** How b begins. */
  biasInitializer?: InitializerChoice
}

/**
 * A block of a transformer: h = norm(x + attention(x, x)), y = norm(h + f(h·W₁ + b₁)·W₂ + b₂).
 * As KerasHub's TransformerEncoder; PyTorch's TransformerEncoderLayer has dropout 0.1 and a third one after f.
 * @equation h = \operatorname{norm}(x + \operatorname{attention}(x, x)), \quad y = \operatorname{norm}(h + f(h W_1 + b_1) W_2 + b_2)
 * @slope dx = dh + \text{what attention hands back of } dh \text{: both branches of a sum get its slope}
 * @shape [steps, features] → [steps, features]
 * @param intermediateDim how wide the dense layer in the middle is
 * @param numHeads how many attentions; they share the features
 * @throws ShapeError when the heads do not divide the features
 * @paper Vaswani et al. 2017; normalizeFirst is Xiong et al. 2020
 * @example
 * transformerEncoder(64, 4)(input([16, 32]))
 */
export const transformerEncoder = layer(
  'transformerEncoder',
  ['intermediateDim', 'numHeads'],
  (intermediateDim: number, numHeads: number, options: TransformerEncoderOptions = {}) => {
    const { activation = 'relu', epsilon = 1e-5, normalizeFirst = false, dropout: rate = 0, useCausalMask } = options
    const { kernelInitializer, kernelRegularizer, kernelConstraint } = options
    const { biasInitializer, biasRegularizer, biasConstraint } = options
    const weights = {
      ...{ kernelInitializer, kernelRegularizer, kernelConstraint },
      ...{ biasInitializer, biasRegularizer, biasConstraint },
    }
    whole('transformerEncoder', 'intermediateDim', intermediateDim)
    whole('transformerEncoder', 'numHeads', numHeads)
    return composed(x => {
      const [, features] = x.shape
      if (x.shape.length !== 2 || features % numHeads !== 0)
        throw new ShapeError('wrong-input', `transformerEncoder got [${x.shape}], expected [steps, features]`, {
          evidence: [['heads', String(numHeads)]],
          hint: 'the number of features is a multiple of the number of heads',
        })
      const attend = multiHeadAttention(numHeads, features / numHeads, {
        ...weights,
        dropout: rate,
        useCausalMask,
        name: 'attention',
      })
      const [norm1, norm2] = ['norm1', 'norm2'].map(name => layerNormalization({ epsilon, name }))
      const widen = timeDistributed(dense(intermediateDim, { ...weights, activation }), { name: 'dense1' })
      const narrow = timeDistributed(dense(features, weights), { name: 'dense2' })
      if (normalizeFirst) {
        const h = add()(x, dropout(rate)(attend(norm1(x))))
        return add()(h, dropout(rate)(narrow(widen(norm2(h)))))
      }
      const h = norm1(add()(x, dropout(rate)(attend(x))))
      return norm2(add()(h, dropout(rate)(narrow(widen(h)))))
    })
  },
)
