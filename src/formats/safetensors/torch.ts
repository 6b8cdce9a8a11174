import { DataError } from '../../errors.ts'
import type { Model } from '../../model/face.ts'
import type { Node } from '../../model/network.ts'
import type { Tensor } from '../../tensor/safetensors.ts'
import { printShape, type Shape, sameShape } from '../../tensor/shape.ts'
import { arranged, backFrom } from './arrange.ts'
import { type Piece, piecesOf } from './layouts.ts'

/**
 * PyTorch's module for each layer by name, as its state dict spells it: { conv2d: 'features.0', dense: 'classifier' }.
 * A layer that is left out is called the same there. separableConv2d has two modules: ['depthwise', 'pointwise']; recurrent
 * layers of one name are the layers of one module, in their order.
 */
export type TorchModules = Readonly<Record<string, string | readonly string[]>>

/**
 * What PyTorch calls each array of a model: the rows of the recipe, before anything is read or written.
 * @throws DataError `no-counterpart` with every layer that PyTorch has nothing for
 * @example
 * torchNames(model, { conv2d: 'features.0' })   // { 'conv2d/W': ['features.0.weight'], 'conv2d/b': ['features.0.bias'] }
 */
export function torchNames(model: Model, modules: TorchModules = {}): Record<string, readonly string[]> {
  return Object.fromEntries(rowsOf(model, modules).map(({ weight, names }) => [weight, names]))
}

/**
 * Sets a model's weights from PyTorch's: kernels OIHW become HWIO, matrices are turned, rows behind a flatten follow our
 * order of channels, gates of a GRU theirs, and an LSTM's two biases are added.
 * @param tensors a state dict, as `readSafetensors` gives it
 * @throws DataError `wrong-weights` with everything that is missing, left over or of another shape; `no-counterpart`
 * @example
 * const { tensors } = await readSafetensors('torch.safetensors')
 * fromTorch(model, tensors, { conv2d: '0', dense: '3' })
 */
export function fromTorch(model: Model, tensors: readonly Tensor[], modules: TorchModules = {}): void {
  const rows = rowsOf(model, modules)
  const found = new Map(tensors.map(tensor => [tensor.name, tensor]))
  const wanted = new Map(rows.flatMap(({ names, whole }) => names.map(name => [name, whole])))
  const wrong = [...wanted].flatMap(([name, shape]): [string, string][] => {
    const other = found.get(name)
    if (!other) return [[name, `missing, expected ${printShape(shape)}`]]
    return sameShape(other.shape, shape) ? [] : [[name, `${printShape(other.shape)}, expected ${printShape(shape)}`]]
  })
  for (const { name, shape } of tensors)
    if (!wanted.has(name) && !name.endsWith('num_batches_tracked'))
      wrong.push([name, `${printShape(shape)}, not asked for`])
  if (wrong.length > 0)
    throw new DataError('wrong-weights', `${wrong.length} arrays of the state dict do not fit the model`, {
      evidence: wrong.slice(0, 40),
      hint: "say which module each layer is: fromTorch(model, tensors, { conv2d: 'features.0' })",
    })
  model.setWeights(
    rows.map(({ weight, names, piece }) => ({
      name: weight,
      shape: piece.own,
      data: backFrom(
        piece,
        names.map(name => {
          const data = Float64Array.from(found.get(name)!.data as ArrayLike<number>, Number)
          const { part: [index, of] = [0, 1] } = piece
          return data.slice((index * data.length) / of, ((index + 1) * data.length) / of)
        }),
      ),
    })),
  )
}

/**
 * A model's weights as PyTorch's state dict; `load_state_dict` takes it in a module of the same layers.
 * @throws DataError `no-counterpart` with every layer that PyTorch has nothing for
 * @example
 * await writeFile('torch.safetensors', writeSafetensors(toTorch(model, { conv2d: '0', dense: '3' })))
 */
export function toTorch(model: Model, modules: TorchModules = {}): Tensor[] {
  const weights = new Map(model.weights().map(weight => [weight.name, weight]))
  const tensors = new Map<string, Tensor & { data: Float32Array | Float64Array }>()
  for (const { weight, names, whole, piece } of rowsOf(model, modules)) {
    const { data } = weights.get(weight)!
    const Numbers = data instanceof Float64Array ? Float64Array : Float32Array
    for (const [i, values] of arranged(piece, data).entries()) {
      const { part: [index, of] = [0, 1] } = piece
      const made = tensors.get(names[i]) ?? { name: names[i], shape: whole, data: new Numbers(values.length * of) }
      made.data.set(values, index * values.length)
      tensors.set(names[i], made)
    }
  }
  return [...tensors.values()]
}

interface Row {
  readonly weight: string
  readonly names: readonly string[]
  /** The shape of PyTorch's array, which may hold others of ours too. */
  readonly whole: Shape
  readonly piece: Piece
}

function rowsOf({ network }: Model, modules: TorchModules): Row[] {
  const strange: [string, string][] = []
  const stacked = new Map<string, number>()
  const rows = network.nodes.flatMap((node: Node): Row[] => {
    const entries = [...node.parameters, ...node.state]
    const pieces = piecesOf(node, network)
    if (typeof pieces === 'string') {
      strange.push([node.name, pieces])
      return []
    }
    const given = Object.hasOwn(modules, node.name) ? modules[node.name] : node.name
    const place = String(given)
    const above = stacked.get(place) ?? 0
    stacked.set(place, above + Number(pieces.some(({ names }) => /_l0/.test(names[0]))))
    return entries.map(({ key, name, shape }) => {
      const piece = pieces.find(other => other.key === key)!
      const own = [given].flat()
      const base = own.length > 1 ? own[piece.module ?? 0] : own[0] + (piece.suffix ?? '')
      const names = piece.names.map(last => (base ? `${base}.` : '') + last.replace('_l0', `_l${above}`))
      const [rows, ...others] = piece.shape
      const whole = piece.part ? [rows * piece.part[1], ...others] : piece.shape
      return { weight: name, names, whole, piece: { ...piece, own: shape } }
    })
  })
  for (const name of Object.keys(modules))
    if (!network.nodes.some(node => node.name === name)) strange.push([name, 'the model has no such layer'])
  if (strange.length === 0) return rows
  throw new DataError('no-counterpart', `${strange.length} layers have no counterpart in PyTorch`, {
    evidence: strange.slice(0, 40),
    hint: 'replace them, or read and write the rest with readSafetensors and setWeights',
  })
}
