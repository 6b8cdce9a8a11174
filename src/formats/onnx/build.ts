import type { onnx } from 'onnx-proto'

type Value = string | number | readonly number[] | readonly string[] | { readonly float: number }

/** Collects nodes and constants, each under a name of its own. */
export interface Builder {
  /** The type that numbers are written in, as the format counts it. */
  readonly code: 1 | 11
  readonly nodes: onnx.INodeProto[]
  readonly constants: onnx.ITensorProto[]
  /** Writes a node and gives the name of its only output, or of the one that is asked for. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, Value>>,
    which?: number,
  ): string
  array(name: string, dims: readonly number[], values: ArrayLike<number>, type?: 'float32'): string
  number(value: number): string
  whole(values: readonly number[]): string
  /** The tensor with its axes in another order; orders that undo each other leave nothing behind. */
  transpose(input: string, order: readonly number[]): string
}

const attribute = ([name, value]: [string, Value]): onnx.IAttributeProto => {
  if (typeof value === 'string') return { name, type: 3, s: new TextEncoder().encode(value) }
  if (typeof value === 'number') return { name, type: 2, i: value }
  if ('float' in value) return { name, type: 1, f: value.float }
  if (value.every(item => typeof item === 'string'))
    return { name, type: 8, strings: value.map(text => new TextEncoder().encode(text)) }
  return { name, type: 7, ints: [...(value as readonly number[])] }
}

export function builder(dtype: 'float32' | 'float64'): Builder {
  const [Typed, code] = dtype === 'float64' ? ([Float64Array, 11] as const) : ([Float32Array, 1] as const)
  const nodes: onnx.INodeProto[] = []
  const constants: onnx.ITensorProto[] = []
  const known = new Map<string, string>()
  const turned = new Map<string, { from: string; order: readonly number[] }>()
  const keep = (name: string, dataType: number, dims: readonly number[], rawData: Uint8Array) => {
    constants.push({ name, dataType, dims: [...dims], rawData })
    return name
  }
  const once = (key: string, make: () => string) => {
    const name = known.get(key) ?? make()
    known.set(key, name)
    return name
  }
  const build: Builder = {
    code,
    nodes,
    constants,
    node(operator, inputs, attributes = {}, which = 0) {
      const output = `/${operator.toLowerCase()}_${nodes.length}`
      nodes.push({
        opType: operator,
        name: output,
        input: [...inputs],
        output: [...new Array<string>(which).fill(''), output],
        attribute: Object.entries(attributes).map(attribute),
      })
      return output
    },
    array: (name, dims, values, type) =>
      once(name, () =>
        type
          ? keep(name, 1, dims, bytesOf(Float32Array.from(values)))
          : keep(name, code, dims, bytesOf(Typed.from(values))),
      ),
    number: value => build.array(`number ${Object.is(value, -0) ? '-0' : value}`, [], [value]),
    whole: values =>
      once(`whole ${values}`, () =>
        keep(`whole ${values}`, 7, [values.length], bytesOf(BigInt64Array.from(values, BigInt))),
      ),
    transpose(input, order) {
      const before = turned.get(input)
      if (before?.order.every((axis, i) => order[axis] === i)) return before.from
      return once(`${input} as ${order}`, () => {
        const output = build.node('Transpose', [input], { perm: order })
        turned.set(output, { from: input, order })
        return output
      })
    },
  }
  return build
}

const bytesOf = ({ buffer }: { buffer: ArrayBufferLike }) => new Uint8Array(buffer)

/** The nodes that an output depends on. */
export function needed(nodes: readonly onnx.INodeProto[], outputs: readonly string[]): onnx.INodeProto[] {
  const wanted = new Set(outputs)
  return nodes
    .toReversed()
    .filter(({ input, output }) => {
      if (!output?.some(name => wanted.has(name))) return false
      for (const name of input ?? []) if (name) wanted.add(name)
      return true
    })
    .reverse()
}
