import { type Layer, type Loss, layers, losses, type Model, model, sequential } from 'nabla'
import { type Case, caseOf } from '../../scripts/docs/perform.ts'
import { definition } from '../../scripts/docs/source.ts'

/** Every layer, in the example of its docstring. */
export const layerCases: [string, Case][] = Object.keys(layers).map(type => {
  const { example, shape } = definition('nn/layers/index.ts', type).words.tags
  return [type, caseOf(type, example?.[0], shape?.[0])]
})

/** A model of a layer and its inputs. */
export function modelOf({ layer, inputs }: Case, last: (layer: Layer) => Layer = layer => layer): Model {
  if (layer.type === 'input') return sequential([layer, layers.flatten()])
  const sources = inputs.map(shape => layers.input(shape))
  return sources.length > 1
    ? model({ inputs: sources, outputs: last(layer)(sources), seed: 3 })
    : sequential([...sources, last(layer)], { seed: 3 })
}

/** How many numbers a sample has. */
export const widthOf = ({ inputShape }: Model): number => inputShape.reduce((a, b) => a * b, 1)

/** Losses that compare parts of a row, or need room for labels. */
const SHAPES: Readonly<Record<string, readonly number[]>> = {
  cosineEmbedding: [2, 3],
  tripletMargin: [3, 2],
  gaussianNll: [6],
  marginRanking: [2],
  ctc: [4, 3],
}
/** Four times the same label do not fit into four steps. */
const SETTINGS: Readonly<Record<string, object>> = { ctc: { maxLabels: 2 } }

export interface LossCase {
  readonly made: Loss
  /** The same on logits, where it can. */
  readonly logits?: Loss
  readonly p: readonly number[]
  readonly t: readonly number[]
}

/** Every loss with the shapes of a batch's predictions and targets. */
export const lossCase = (name: string, batch = 2): LossCase => {
  const make = losses[name as keyof typeof losses]
  const settings = SETTINGS[name] as never
  const made = make(settings)
  const shape = SHAPES[name] ?? [3]
  const target = made.targetShape?.(shape) ?? shape.slice(0, made.target === 'class' ? -1 : undefined)
  return {
    made,
    ...(made.fused && { logits: make({ fromLogits: true }) }),
    p: [batch, ...shape],
    t: [batch, ...target],
  }
}
