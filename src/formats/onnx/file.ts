import type { onnx } from 'onnx-proto'
import { type ByteSource, readBytes, sourceName } from '../../data/files.ts'
import { BackendError, DataError } from '../../errors.ts'
import { bfloats, halves } from '../../tensor/half.ts'
import { narrowed } from '../../tensor/wide.ts'
import { inlined } from './functions.ts'
import { type Dtype, dtypeOf, dtypes, exactly, rounded, sizeOf, type Tensor, unsupportedType } from './tensors.ts'

export type Attribute = onnx.IAttributeProto

/** One operation: what it reads and writes by name; an empty name is an input left out. */
export interface Node {
  readonly name: string
  readonly operator: string
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: ReadonlyMap<string, Attribute>
}

/** An input or output of a graph; a size without a number is named, or free. */
export interface Port {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly (number | string | null)[] | undefined
}

export interface Graph {
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  readonly constants: ReadonlyMap<string, Tensor>
  readonly nodes: readonly Node[]
}

/** Most nodes of a graph, and most inputs or outputs of a node. */
const limits = { nodes: 200_000, edges: 10_000 }

export function badFile(
  reason: string,
  hint = 'the file is cut short, damaged or no ONNX model; export it again',
): DataError {
  return new DataError('bad-onnx', `onnx: ${reason.slice(0, 90)}`, { hint })
}

/** The messages of the format. */
export async function schema(): Promise<typeof onnx> {
  try {
    const loaded = await import('onnx-proto')
    return loaded.onnx ?? (loaded as unknown as { default: typeof loaded }).default.onnx
  } catch (cause) {
    throw new BackendError('missing-peer', 'onnx needs the package "onnx-proto", which could not be loaded', {
      evidence: [['reason', String(cause).split('\n')[0]]],
      hint: 'npm install onnx-proto',
    })
  }
}

/** A graph and the operator versions it was written for. */
export interface Versioned {
  readonly graph: Graph
  readonly opset: number
}

/** The graph in a file. */
export async function readModel(source: ByteSource): Promise<Versioned> {
  const name = sourceName(source)
  return graphOf(await decodeModel(await readBytes(source), name), name)
}

/** The messages in the bytes of a file. */
export async function decodeModel(bytes: Uint8Array, name: string): Promise<onnx.IModelProto> {
  const { ModelProto } = await schema()
  return decode(bytes, name, part => ModelProto.decode(part))
}

/** The graph in the messages of a file. */
export function graphOf(model: onnx.IModelProto, name: string): Versioned {
  if (!model.graph?.node?.length && !model.graph?.output?.length) throw badFile(`${name} holds no graph`)
  const opsets = (model.opsetImport ?? []).filter(({ domain }) => !domain || domain === 'ai.onnx')
  const opset = Math.max(0, ...opsets.map(({ version }) => whole(version)))
  const others = (model.opsetImport ?? []).length > opsets.length
  if ((opset < 1 || opset > 28) && !(opset === 0 && others))
    throw unsupported(`opset ${opset}`, 'export the model with an opset from 7 to 28')
  const node = inlined(model.graph.node ?? [], model.functions ?? [])
  return { graph: readGraph({ ...model.graph, node }), opset: opset || 17 }
}

/** One tensor as the format stores it, in a file of its own. */
export async function readTensor(source: ByteSource): Promise<Tensor> {
  const { TensorProto } = await schema()
  return tensorOf(decode(await readBytes(source), sourceName(source), part => TensorProto.decode(part)))
}

function decode<T>(bytes: Uint8Array, name: string, read: (bytes: Uint8Array) => T): T {
  try {
    return read(bytes)
  } catch (error) {
    throw badFile(`${name} cannot be read: ${(error as Error).message}`)
  }
}

export function unsupported(what: string, hint: string): BackendError {
  return new BackendError('unsupported', `unsupported: ${what}`, { hint })
}

/** A whole number of the format, whatever it came as. */
export function whole(value: unknown): number {
  const number = Number(value ?? 0)
  if (Number.isInteger(number)) return number
  throw badFile(`${String(value).slice(0, 20)} is no whole number`)
}

export function readGraph(proto: onnx.IGraphProto): Graph {
  const nodes = proto.node ?? []
  if (nodes.length > limits.nodes) throw badFile(`a graph has ${nodes.length} nodes, expected at most ${limits.nodes}`)
  if (proto.sparseInitializer?.length) throw unsupported('SPARSE_TENSOR', 'export the model with dense weights')
  const constants = new Map((proto.initializer ?? []).map(tensor => [tensor.name ?? '', tensorOf(tensor)]))
  const graph = {
    inputs: (proto.input ?? []).filter(({ name }) => !constants.has(name ?? '')).map(port => portOf(port, 'input')),
    outputs: (proto.output ?? []).map(port => portOf(port, 'output')),
    constants,
    nodes: nodes.map(nodeOf),
  }
  return graph
}

function nodeOf(proto: onnx.INodeProto): Node {
  const inputs = proto.input ?? []
  const outputs = proto.output ?? []
  if (inputs.length > limits.edges || outputs.length > limits.edges)
    throw badFile(`a node has more than ${limits.edges} inputs or outputs`)
  const attributes = new Map((proto.attribute ?? []).map(attribute => [attribute.name ?? '', attribute]))
  if ([...attributes.values()].some(({ refAttrName }) => refAttrName))
    throw unsupported('FUNCTION', 'export the model without local functions')
  const domain = proto.domain === 'ai.onnx' ? '' : (proto.domain ?? '')
  return { name: proto.name ?? '', operator: proto.opType ?? '', domain, inputs, outputs, attributes }
}

function portOf({ name, type }: onnx.IValueInfoProto, side: 'input' | 'output'): Port {
  const what = `the ${side} "${name?.slice(0, 40)}"`
  if (!type?.tensorType) {
    const others = {
      sequenceType: 'SEQUENCE',
      optionalType: 'OPTIONAL',
      mapType: 'MAP',
      sparseTensorType: 'SPARSE_TENSOR',
    }
    for (const [field, other] of Object.entries(others))
      if (type?.[field as 'mapType']) throw unsupportedType(other, what)
    return { name: name ?? '', dtype: 'float32', shape: undefined }
  }
  const { elemType, shape } = type.tensorType
  const sizes = shape?.dim?.map(({ dimValue, dimParam }) =>
    dimParam ? dimParam : dimValue === null || dimValue === undefined ? null : whole(dimValue),
  )
  return { name: name ?? '', dtype: elemType ? dtypeOf(elemType, what) : 'float32', shape: sizes }
}

/** A tensor of the format, with every length checked before anything is allocated. */
export function tensorOf(proto: onnx.ITensorProto): Tensor {
  const name = proto.name ? `tensor "${proto.name.slice(0, 40)}"` : 'a tensor'
  if (proto.dataLocation === 1 || proto.externalData?.length)
    throw unsupported(`external data of ${name}`, 'save the model as one file')
  const type = dtypeOf(proto.dataType ?? 0, name)
  const dims = (proto.dims ?? []).map(whole)
  const { Array: Typed } = dtypes[type]
  const half = type === 'float16' || type === 'bfloat16'
  const width = half ? 2 : Typed.BYTES_PER_ELEMENT
  const raw = proto.rawData
  const lists = { float32: proto.floatData, float64: proto.doubleData, int64: proto.int64Data }
  const unsigned = type === 'uint32' || type === 'uint64'
  const list = lists[type as 'int64'] ?? (unsigned ? proto.uint64Data : proto.int32Data) ?? []
  const count = raw?.length ? raw.length / width : list.length
  if (dims.some(n => n < 0) || dims.length > 32 || sizeOf(dims) !== count)
    throw badFile(`${name} has ${count} numbers, expected the shape [${dims.slice(0, 8).join(', ')}]`)
  const data = new Float64Array(count)
  if (!raw?.length) {
    for (let i = 0; i < count; i++) data[i] = half ? fromBits(Number(list[i]), type) : large(list[i], type)
    return half ? exactly(type, dims, data) : rounded64(type, dims, data)
  }
  const own = raw.slice().buffer // a copy: numbers must lie at multiples of their size
  return exactly(type, dims, numbersIn(own, type, data))
}

const rounded64 = (type: Dtype, dims: readonly number[], data: Float64Array): Tensor =>
  type === 'int64' || type === 'uint64' ? exactly(type, dims, data) : rounded(type, dims, data)

/** Numbers as they lie in the file, in float64. */
function numbersIn(bytes: ArrayBuffer, type: Dtype, data: Float64Array): Float64Array {
  if (type === 'int64' || type === 'uint64') {
    const wide = new dtypes[type].Array(bytes)
    data.set(narrowed(wide))
    for (let i = 0; i < data.length; i++) large(data[i], type)
  } else if (type === 'bool') {
    const cells = new Uint8Array(bytes)
    for (let i = 0; i < cells.length; i++) data[i] = Math.min(1, cells[i])
  } else if (type === 'float16') data.set(halves(new Uint16Array(bytes)))
  else if (type === 'bfloat16') data.set(bfloats(new Uint16Array(bytes)))
  else data.set(new dtypes[type].Array(bytes))
  return data
}

/** The number that two bytes stand for. */
export function fromBits(bits: number, type: 'float16' | 'bfloat16' | Dtype): number {
  const sign = bits & 0x8000 ? -1 : 1
  const width = type === 'bfloat16' ? 7 : 10
  const exponents = type === 'bfloat16' ? 0xff : 0x1f
  const fraction = (bits & ((1 << width) - 1)) / (1 << width)
  const exponent = (bits >>> width) & exponents
  if (exponent === exponents) return fraction ? NaN : sign * Infinity
  return sign * 2 ** (Math.max(exponent, 1) - (exponents >> 1)) * (exponent ? 1 + fraction : fraction)
}

/** Whole numbers of 64 bits must be exact in float64, but for the ends of the range, which stand for "all". */
export function large(value: unknown, type: Dtype): number {
  const number = Number(value)
  if (type !== 'int64' && type !== 'uint64') return number
  if (Number.isSafeInteger(number) || Math.abs(number) >= 2 ** 63) return number
  throw unsupportedType(`${type.toUpperCase()} value ${number}, beyond 2^53`)
}
