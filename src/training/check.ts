import { type Dataset, type DatasetSource, dataset, findNotFinite } from '../data/dataset.ts'
import { DataError, ShapeError } from '../errors.ts'
import type { Model } from '../model/model.ts'
import { calledBy } from '../model/network.ts'
import { targetShape } from '../model/programs.ts'
import { printShape, type Shape, sameShape } from '../tensor/shape.ts'

/** Data as a method takes it: a dataset, or what makes one. */
export type Data = Dataset | DatasetSource

/** The data as a dataset that fits the model's input, with finite numbers only. */
export function inputsFor(model: Model, data: Data): Dataset {
  const set = 'select' in data ? data : dataset({ inputShape: shapeHint(model, data), ...data })
  if (!sameShape(bare(set.inputShape), bare(model.inputShape))) {
    const [got, expected] = [set.inputShape, model.inputShape].map(printShape)
    const { nodes } = model.network
    const first = nodes.find(({ layer }) => layer.type !== 'input') ?? nodes[0]
    const who = calledBy(first.name, first.layer)
    throw new ShapeError('wrong-input', `${who} got samples ${got}, but expects ${expected}`, {
      evidence: [
        ['data', `${set.size} samples ${got}`],
        ['model', expected],
      ],
      hint: 'reshape the data (inputShape), or build the model for these samples',
    })
  }
  const bad = findNotFinite(set)
  if (bad)
    throw new DataError(
      'not-finite',
      `row ${bad.row} has ${bad.part}[${bad.index}] = ${bad.value}, expected a number`,
      {
        hint: 'leave the row out, or fill what is missing, before training',
      },
    )
  return set
}

/** The data as a dataset whose targets also fit the model's loss. */
export function samplesFor(model: Model, data: Data): Dataset {
  const set = inputsFor(model, data)
  const { training, network } = model
  if (!training) return set
  const { loss } = training
  const expected = targetShape(network, loss)
  const classes = network.outputShape[network.outputShape.length - 1]
  const evidence: [string, string][] = [
    ['targets', set.hasTargets ? printShape(set.targetShape) : 'none'],
    ['output', printShape(network.outputShape)],
  ]
  if (!set.hasTargets || !sameShape(bare(set.targetShape), bare(expected))) {
    const got = set.hasTargets ? `targets ${printShape(set.targetShape)}` : 'no targets'
    throw new ShapeError('wrong-target', `${loss.name} got ${got}, expected ${printShape(expected)}`, {
      evidence,
      hint: targetHint(set, loss.target, classes),
    })
  }
  if (loss.target === 'class' && expected.length === 0)
    for (let row = 0; row < set.size; row++) {
      const label = set.label(row)
      if (!(Number.isInteger(label) && label >= 0 && label < classes))
        throw new DataError('bad-label', `row ${row} has label ${label}, expected 0 … ${classes - 1}`, {
          evidence,
          hint: `labels count from 0; for labels up to ${label} the last layer needs more units`,
        })
    }
  return set
}

/** A shape without sizes of 1 at its end: one number a sample is the same with and without an axis. */
const bare = (shape: Shape): Shape => (shape.at(-1) === 1 ? bare(shape.slice(0, -1)) : shape)

/** A flat list of numbers is cut into samples of the model's shape. */
function shapeHint(model: Model, { x }: DatasetSource): Shape | undefined {
  const flat = 'shape' in x ? x.shape.length === 1 : typeof x[0] === 'number'
  return flat ? model.inputShape : undefined
}

function targetHint(set: Dataset, wanted: 'same' | 'class', classes: number): string {
  if (!set.hasTargets) return 'give the data y as well'
  if (wanted === 'class') return "targets are one-hot: use loss 'categoricalCrossentropy'"
  if (set.targetShape.length === 0 && classes > 1)
    return "targets are class numbers: use data.oneHot(), or loss 'sparseCategoricalCrossentropy'"
  return 'the last layer must have as many outputs as a target has numbers'
}
