import { derivative, formula, number, substitute } from '../../../formula/index.ts'
import * as activations from '../../../nn/activations.ts'
import type { Output } from '../../../nn/call.ts'
import * as layers from '../../../nn/layers/index.ts'
import { resolveActivation } from '../../../nn/resolve.ts'
import { must } from '../call.ts'
import { unsupported } from '../file.ts'
import { sizeOf, type Tensor } from '../tensors.ts'

/**
 * What a name of the file stands for while samples flow through layers: an output, of which each axis of the file's
 * tensor is a list of axes, outermost first; 0 is the batch. So axes are exchanged, split and joined without any work,
 * until a layer asks for them in an order of its own.
 */
export interface Sample {
  readonly output: Output
  readonly axes: readonly (readonly number[])[]
  /** What is still to be done to each element x. */
  readonly text: string
  /** Whether its elements are whole numbers to the file. */
  readonly whole?: boolean
}

/** What is known beforehand: its numbers for two sizes of the batch, which tell what depends on it. */
export interface Known {
  readonly tensors: readonly [Tensor, Tensor]
  /** Whether weights of the file went into it. */
  readonly learnt: boolean
}

export type Value = Sample | Known
export const isKnown = (value: Value): value is Known => 'tensors' in value

export const sample = (output: Output, axes: Sample['axes']): Sample => ({ output, axes, text: 'x' })

/** Axes 1, 2, … of an output as axes of their own behind the batch. */
export const plain = (output: Output): Sample => sample(output, [[0], ...output.shape.map((_, i) => [i + 1])])

/** Longest formula that waits. */
const longest = 300

/** Catalogue activations by the formula they stand for at their defaults; equal formulas are one object. */
const known = new Map(
  Object.entries(activations).flatMap(([name, make]) => {
    const root = make().formulas?.forward.outputs.values().next().value
    return root ? [[root, name as keyof typeof activations] as const] : []
  }),
)

/** As PyTorch writes it with the operators of before opset 20. */
const gelu = resolveActivation('x * (erf(x / 1.4142135381698608) + 1) * 0.5')
known.set(gelu.formulas!.forward.outputs.values().next().value!, 'gelu')

/** The output with everything done to its elements. */
export function settled({ output, text }: Sample): Output {
  if (text === 'x') return output
  const root = formula(text).outputs.values().next().value!
  const name = known.get(root)
  if (name === 'linear') return output
  if (name) return layers.activation(name)(output)
  const [scale, offset] = [derivative(root, 'x'), substitute(root, { x: number(0) })]
  // Steps are flat almost everywhere, but no lines.
  const steps = /floor|ceil|round|sign|[<>=?!&|]/.test(text)
  const straight =
    !steps && scale.op === 'number' && offset.op === 'number' && Number.isFinite(scale.value + offset.value)
  if (straight) return layers.rescaling(scale.value, { offset: offset.value })(output)
  return layers.activation(/^[\w-]*$/.test(text) ? `(${text})` : text)(output)
}

/** The elements of a sample put into a formula of x. */
export function mapped(s: Sample, text: string): Sample {
  const put = (into: string) => text.replaceAll(/\bx\b/g, into === 'x' ? 'x' : `(${into})`)
  return put(s.text).length <= longest ? { ...s, text: put(s.text) } : { ...s, output: settled(s), text: put('x') }
}

/** Two samples that are formulas of the same output as one formula, if they are. */
export function together(a: Sample, b: Sample, write: (a: string, b: string) => string): Sample | undefined {
  const text = write(`(${a.text})`, `(${b.text})`)
  const same = a.output === b.output && JSON.stringify(a.axes) === JSON.stringify(b.axes)
  return same && text.length <= longest ? { ...a, text } : undefined
}

const sizeAt = (output: Output, axis: number) => output.shape[axis - 1]
/** How large an axis of the file's tensor is without the batch, and how large with a batch of that size. */
export const sizeIn = ({ output, axes }: Sample, axis: number, batch = 1): number =>
  sizeOf(axes[axis].map(p => (p === 0 ? batch : sizeAt(output, p))))
export const dimsOf = (s: Sample, batch: number): number[] => s.axes.map((_, i) => sizeIn(s, i, batch))

/** Where the batch is an axis by itself, or -1. */
export const batchAxis = ({ axes }: Sample): number => axes.findIndex(list => list.length === 1 && list[0] === 0)

/** Whether the batch stands nowhere: one of a single sample, which the file may put at any axis of size 1. */
const isAfloat = ({ axes }: Sample): boolean => !axes.some(list => list.includes(0))

/** The batch of a single sample taken off its axis, for all of them if for one. */
export const alikeAfloat = (all: readonly Sample[]): readonly Sample[] =>
  all.some(isAfloat) ? all.map(s => ({ ...s, axes: s.axes.map(list => list.filter(p => p !== 0)) })) : all

/** Asks for the batch as an axis of its own at the given place. */
export function batchAt(s: Sample, axis: number): Sample {
  if (isAfloat(s) && sizeIn(s, axis) === 1) return { ...s, axes: s.axes.with(axis, [0]) }
  if (batchAxis(s) !== axis) throw unsupported('samples along another axis', `give the batch along axis ${axis}`)
  return s
}

const inner = (s: Sample, axis: number) => s.axes[axis].filter(p => p !== 0)

/** All axes of an output but the batch, each by itself, as the file's axes have them in order. */
export const factors = (s: Sample, axes: readonly number[]): number[] => axes.flatMap(axis => inner(s, axis))

/** The output with its axes in the given order, each list of them joined to one. */
export function laid(s: Sample, groups: readonly (readonly number[])[]): Output {
  const output = settled(s)
  const order = groups.flat()
  const rest = output.shape.flatMap((n, i) => (n === 1 && !order.includes(i + 1) ? [i + 1] : []))
  must(order.length + rest.length === output.shape.length, 'axes are lost on the way to a layer')
  const all = [...order, ...rest]
  const turned = all.every((axis, i) => axis === i + 1) ? output : layers.permute(all)(output)
  const shape = groups.map(list => sizeOf(list.map(axis => sizeAt(output, axis))))
  return shapedAs(turned, shape)
}

/** The output in another shape; a shape it had before is taken up again. */
export function shapedAs(output: Output, shape: readonly number[]): Output {
  if (same(output.shape, shape)) return output
  const from = output.layer.type === 'reshape' ? output.inputs[0] : output
  if (same(from.shape, shape)) return from
  return shape.length === 1 ? layers.flatten()(from) : layers.reshape(shape)(from)
}

const same = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((n, i) => n === b[i])

/** The output with one axis for each of the file's that are named, in that order. */
export const channelled = (s: Sample, axes: readonly number[]): Output =>
  laid(
    s,
    axes.map(axis => inner(s, axis)),
  )

/** The output with one axis for each of the file's but the batch: the sample as it stands in the file. */
export function natural(s: Sample): Output {
  if (isAfloat(s) && (s.axes.length === 0 || sizeIn(s, 0) !== 1)) return channelled(s, [...s.axes.keys()])
  const batch = Math.max(
    0,
    s.axes.findIndex(list => list.includes(0)),
  )
  if (s.axes[batch].length > 1) throw unsupported('a batch joined with another axis', 'split it off again')
  return channelled(
    s,
    s.axes.map((_, i) => i).filter(i => i !== batch),
  )
}

/** The sample with another shape, of which the sizes are told for each of two batches. */
export function reshaped(s: Sample, to: readonly (readonly number[])[], batches: readonly number[]): Sample {
  const full = to.map((dims, n) => {
    const from = dimsOf(s, batches[n])
    const whole = dims.map((size, i) => (size === 0 ? from[i] : size))
    const rest = sizeOf(from) / sizeOf(whole.filter(size => size !== -1))
    const made = whole.map(size => (size === -1 ? rest : size))
    must(sizeOf(made) === sizeOf(from), `Reshape of [${from}] to [${dims}] loses or invents numbers`)
    return made
  })
  const shape: number[] = []
  const pieces: { from: number; size: number }[] = s.axes
    .flat()
    .map(from => ({ from, size: from === 0 ? batches[0] : sizeAt(s.output, from) }))
    .filter(({ size }) => size !== 1)
  const split = new Map<number, number[]>()
  const lists = full[0].map(size => {
    const list: [from: number, part: number][] = []
    for (let need = size; need > 1; ) {
      const next = pieces[0]
      if (!next) throw unsupported('Reshape that mixes axes', 'reshape in steps that split or join axes evenly')
      const whole = need % next.size === 0
      if (!whole && (next.from === 0 || next.size % need !== 0))
        throw unsupported('Reshape that splits axes unevenly', 'reshape in steps that split or join axes evenly')
      const parts = split.get(next.from) ?? []
      split.set(next.from, [...parts, whole ? next.size : need])
      list.push([next.from, parts.length])
      if (whole) pieces.shift()
      else pieces[0] = { from: next.from, size: next.size / need }
      need = whole ? need / next.size : 1
    }
    return list
  })
  must(pieces.length === 0, 'Reshape leaves numbers over')
  const start = new Map<number, number>()
  s.output.shape.forEach((size, i) => {
    start.set(i + 1, shape.length + 1)
    shape.push(...(split.get(i + 1) ?? [size]))
  })
  const axes = lists.map(list => list.map(([from, part]) => (from === 0 ? 0 : start.get(from)! + part)))
  const output = shapedAs(s.output, shape)
  return { ...s, output, axes }
}
