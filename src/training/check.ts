import {
  type Dataset,
  type DatasetSource,
  dataset,
  findNotFinite,
  isParts,
  type Nested,
  type Shaped,
} from '../data/dataset.ts'
import { DataError, nearest, ShapeError } from '../errors.ts'
import type { Model } from '../model/face.ts'
import type { Network } from '../model/network.ts'
import { targetsOf } from '../model/programs.ts'
import { calledBy } from '../nn/call.ts'
import type { Loss } from '../nn/loss.ts'
import { printShape, type Shape, sameShape, sizeOf } from '../tensor/shape.ts'

/** Several arrays: by the names of a model's inputs or outputs, or in their order. */
export type Several = Readonly<Record<string, Nested | Shaped>> | readonly (Nested | Shaped)[]

/** Data as a method takes it: a dataset, or what makes one. */
export type Data = Dataset | DatasetSource | (Omit<DatasetSource, 'x' | 'y'> & { x: Several; y?: Several })

/** The data as a dataset that fits the model's input, with finite numbers only. */
export function inputsFor(model: Model, data: Data): Dataset {
  const { inputs, outputs, nodes } = model.network
  const names = { x: inputs.map(({ name }) => name), y: outputs.map(({ name }) => name) }
  const set = arranged('select' in data ? data : dataset(source(model, data, names)), names)
  inputs.forEach(({ name, shape: expected }) => {
    const got = set.parts.x?.[name] ?? set.inputShape
    if (sameShape(bare(got), bare(expected))) return
    const first = nodes.find(({ layer }) => layer.type !== 'input') ?? nodes[0]
    const who = inputs.length > 1 ? `input "${name}"` : calledBy(first.name, first.layer)
    throw new ShapeError('wrong-input', `${who} got samples ${printShape(got)}, but expects ${printShape(expected)}`, {
      evidence: [
        ['data', `${set.size} samples ${printShape(got)}`],
        ['model', printShape(expected)],
      ],
      hint: 'reshape the data (inputShape), or build the model for these samples',
    })
  })
  const bad = findNotFinite(set)
  if (bad)
    throw new DataError(
      'not-finite',
      `row ${bad.row} has ${bad.part}[${bad.index}] = ${bad.value}, expected a number`,
      {
        hint: Number.isFinite(bad.value)
          ? 'scale the data first: float32 ends at 3.4e38'
          : 'leave the row out, or fill what is missing, before training',
      },
    )
  return set
}

type Names = { readonly x: readonly string[]; readonly y: readonly string[] }

/** Lists of arrays get the names of the model's parts; a flat list of numbers is cut into samples. */
function source(model: Model, data: Exclude<Data, Dataset>, names: Names): DatasetSource {
  const byName = (part: 'x' | 'y', value: unknown) =>
    names[part].length > 1 && Array.isArray(value) && value.length === names[part].length
      ? Object.fromEntries(value.map((values, i) => [names[part][i], values]))
      : value
  const [x, y] = [byName('x', data.x), byName('y', data.y)]
  onlyParts('input', x, names.x)
  onlyParts('output', y, names.y)
  const { inputShape = names.x.length > 1 ? undefined : shapeHint(model, data as DatasetSource) } = data
  // A copy takes longer than a step of a small network.
  const isSame = x === data.x && y === data.y && inputShape === data.inputShape
  return (isSame ? data : { ...data, inputShape, x, y }) as DatasetSource
}

/** Tells of a part that the model does not have. */
function onlyParts(what: 'input' | 'output', parts: unknown, known: readonly string[]): void {
  const name = isParts(parts) && Object.keys(parts).find(part => !known.includes(part))
  if (name === undefined || name === false) return
  const [guess = known[0]] = nearest(name.slice(0, 64), known)
  throw new DataError('no-such-part', `the model has no ${what} ${JSON.stringify(name.slice(0, 32))}`, {
    evidence: [[`${what}s`, known.join(', ')]],
    hint: known.length > 1 ? `did you mean "${guess}"?` : `the numbers of "${guess}" can be given without a name`,
  })
}

/** Several parts in the model's order. */
function arranged(set: Dataset, names: Names): Dataset {
  for (const part of ['x', 'y'] as const) {
    if (names[part].length < 2 || set.parts[part] || (part === 'y' && !set.hasTargets)) continue
    const what = part === 'x' ? 'inputs' : 'outputs'
    throw new ShapeError('one-part', `the model has ${names[part].length} ${what}, but the data one ${part}`, {
      evidence: [[what, names[part].join(', ')]],
      hint: `give ${part} as { ${names[part][0]}: […], … } or as a list of arrays`,
    })
  }
  const x = names.x.length > 1 ? names.x : undefined
  const y = names.y.length > 1 && set.hasTargets ? names.y : undefined
  return x || y ? set.arrange({ x, y }) : set
}

/** The data as a dataset whose targets also fit the model's losses. */
export function samplesFor(model: Model, data: Data): Dataset {
  const set = inputsFor(model, data)
  const { training, network } = model
  if (training)
    targetsOf(network, training.goals).forEach(({ shape }, i) => {
      checkTarget(network, set, i, training.goals[i].loss, shape)
    })
  return set
}

function checkTarget({ outputs }: Network, set: Dataset, i: number, loss: Loss, expected: Shape): void {
  const { name, shape: output } = outputs[i]
  const several = outputs.length > 1
  const classes = output[output.length - 1]
  const given = set.parts.y?.[name] ?? set.targetShape
  const evidence: [string, string][] = [
    ['targets', set.hasTargets ? printShape(given) : 'none'],
    ['output', printShape(output)],
  ]
  const who = several ? `${loss.name} of "${name}"` : loss.name
  if (!set.hasTargets || !sameShape(bare(given), bare(expected))) {
    const got = set.hasTargets ? `targets ${printShape(given)}` : 'no targets'
    throw new ShapeError('wrong-target', `${who} got ${got}, expected ${printShape(expected)}`, {
      evidence,
      hint: targetHint(set, given, output, loss.target),
    })
  }
  if (loss.target !== 'class') return
  const { ignoreClass = -1 } = loss.params
  const one = several ? set.arrange({ y: [name] }) : set
  for (const [row, label] of labels(one, sizeOf(expected))) {
    const isIgnored = ignoreClass !== -1 && label === ignoreClass
    if (isIgnored || (Number.isInteger(label) && label >= 0 && label < classes)) continue
    throw new DataError('bad-label', `row ${row} has label ${label}, expected 0 … ${classes - 1}`, {
      evidence,
      hint:
        Number.isInteger(label) && label >= 0
          ? `labels count from 0; for labels up to ${label} the last layer needs more units`
          : 'labels are whole numbers that count from 0',
    })
  }
}

/** Every label with its row: one a sample, or `width` of them. */
function* labels(set: Dataset, width: number): Generator<readonly [row: number, label: number]> {
  if (width === 1) for (let row = 0; row < set.size; row++) yield [row, set.label(row)]
  else {
    const [x, y] = [sizeOf(set.inputShape), width].map(size => new Float64Array(size))
    for (let row = 0; row < set.size; row++) {
      set.fill(Int32Array.of(row), x, y)
      for (const label of y) yield [row, label]
    }
  }
}

/** A shape without sizes of 1 at its end: one number a sample is the same with and without an axis. */
const bare = (shape: Shape): Shape => (shape.at(-1) === 1 ? bare(shape.slice(0, -1)) : shape)

/** A flat list of numbers is cut into samples of the model's shape. */
function shapeHint(model: Model, { x }: DatasetSource): Shape | undefined {
  if (typeof x !== 'object' || x === null) return undefined // which dataset tells of
  const flat = 'shape' in x ? (x as Shaped).shape.length === 1 : typeof (x as ArrayLike<unknown>)[0] === 'number'
  return flat ? model.inputShape : undefined
}

function targetHint(set: Dataset, given: Shape, output: Shape, wanted: 'same' | 'class'): string {
  const classes = output[output.length - 1]
  if (!set.hasTargets) return 'give the data y as well'
  if (output.length > given.length + 1 && (given.length === 0 ? output.length > 2 : given.at(-1) === classes))
    return 'the output still has the axes of the input: put flatten() before the last dense layers'
  if (wanted === 'class' && given.at(-1) === classes) return "targets are one-hot: use loss 'categoricalCrossentropy'"
  if (wanted === 'class') return 'targets are numbers of classes, one for each row of the output'
  if (given.length === 0 && classes > 1)
    return "targets are class numbers: use data.oneHot(), or loss 'sparseCategoricalCrossentropy'"
  return 'the last layer must have as many outputs as a target has numbers'
}
