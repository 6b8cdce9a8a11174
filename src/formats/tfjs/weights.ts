import { type ByteSource, readBytes } from '../../data/files.ts'
import { DataError } from '../../errors.ts'
import { halves } from '../../tensor/half.ts'
import { type Shape, sizeOf } from '../../tensor/shape.ts'
import type { Placed } from '../keras/read.ts'
import { isConfig } from '../keras/values.ts'

export interface Named {
  readonly name: string
  readonly shape: Shape
  readonly data: ArrayLike<number>
  /** 'optimizer' where it is no weight of the model. */
  readonly group?: string
}

const bad = (what: string) =>
  new DataError('bad-tfjs', `the TensorFlow.js model has ${what}`, {
    hint: 'model.json and its shards are damaged or do not belong together',
  })
const show = (value: unknown) => (JSON.stringify(value) ?? 'nothing').slice(0, 60)
const stored = {
  float32: Float32Array,
  int32: Int32Array,
  bool: Uint8Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  float16: Uint16Array,
}
const largest = 2 ** 31

interface Wanted {
  readonly name: string
  readonly shape: Shape
  readonly group?: string
  readonly type: keyof typeof stored
  readonly scale: number
  readonly min: number
}

/** The arrays that a manifest describes, read from its shards; the sizes are checked before anything is read. */
export async function readShards(manifest: unknown, shard: (path: string) => ByteSource): Promise<Named[]> {
  if (!Array.isArray(manifest) || manifest.length > 10_000) throw bad('no weightsManifest')
  const found: Named[] = []
  for (const group of manifest) {
    if (!isConfig(group) || !Array.isArray(group.weights) || !Array.isArray(group.paths))
      throw bad('a group without weights')
    const wanted = group.weights.map(wantedOf)
    const bytes = wanted.reduce((sum, { shape, type }) => sum + sizeOf(shape) * stored[type].BYTES_PER_ELEMENT, 0)
    if (bytes > largest) throw bad(`weights of ${bytes} bytes`)
    const parts: Uint8Array[] = []
    let size = 0
    for (const path of group.paths) {
      if (typeof path !== 'string' || !/^[\w. -]+(\/[\w. -]+)*$/.test(path) || /(^|\/)\.+(\/|$)/.test(path))
        throw bad(`a shard ${show(path)}, a name that leads elsewhere`)
      parts.push(await readBytes(shard(path), { limit: bytes + 1 }))
      size += parts[parts.length - 1].length
      if (size > bytes) break
    }
    if (size !== bytes) throw bad(`${size > bytes ? 'more than ' : `${size} of `}${bytes} bytes of weights`)
    const whole = new Uint8Array(bytes)
    let at = 0
    for (const part of parts) {
      whole.set(part, at)
      at += part.length
    }
    at = 0
    for (const { name, shape, group, type, scale, min } of wanted) {
      const end = at + sizeOf(shape) * stored[type].BYTES_PER_ELEMENT
      const own = new stored[type](whole.slice(at, end).buffer)
      at = end
      if (type === 'float16') found.push({ name, shape, group, data: halves(own as Uint16Array) })
      else if (type === 'uint8' || type === 'uint16')
        found.push({ name, shape, group, data: Float32Array.from(own, v => v * scale + min) })
      else found.push({ name, shape, group, data: own })
    }
  }
  return found
}

function wantedOf(entry: unknown): Wanted {
  const { name, shape, dtype, quantization, group } = isConfig(entry) ? entry : ({} as Record<string, never>)
  if (typeof name !== 'string' || !Array.isArray(shape) || shape.length > 8) throw bad('a weight without name or shape')
  if (!shape.every(n => Number.isSafeInteger(n) && (n as number) >= 0) || sizeOf(shape as number[]) > largest)
    throw bad(`the shape ${show(shape)}`)
  const { dtype: packed = dtype, scale = 1, min = 0 } = isConfig(quantization) ? quantization : {}
  const plain = dtype === 'float32' || dtype === 'int32' || dtype === 'bool'
  if (!plain || typeof packed !== 'string' || !Object.hasOwn(stored, packed))
    throw bad(`${show(name)} of the type ${show(packed ?? dtype)}`)
  if (!Number.isFinite(scale) || !Number.isFinite(min)) throw bad(`${show(name)} with the scale ${show(scale)}`)
  return {
    name,
    shape: shape as number[],
    ...(group === 'optimizer' && { group }),
    type: packed as Wanted['type'],
    scale: scale as number,
    min: min as number,
  }
}

const order =
  'depthwise_kernel pointwise_kernel kernel recurrent_kernel bias gamma beta moving_mean moving_variance'.split(' ')
/** Where an array stands among those of its layer, whatever the order of the manifest. */
const rank = ({ name }: Named) =>
  order.indexOf(name.slice(name.lastIndexOf('/') + 1).replace(/(:0|_\d+)$/, '')) +
  (/(^|\/)backward_/.test(name) ? 100 : 0)

/** The arrays of each layer, by the names that they carry: the layer's, or that of the layer within it. */
export function arraysOf(found: readonly Named[], layers: readonly Placed[]): Named[][] {
  const left = new Map(found.map(array => [array, array.name.split('/').slice(0, -1)]))
  const arrays = layers.map(({ theirs, inner, parts }) => {
    if (parts.length === 0) return []
    const steps = [theirs, inner, `forward_${inner}`, `backward_${inner}`]
    const own: Named[] = []
    for (const [array, path] of left)
      if (array.name.startsWith(`${theirs}/`) || path.some(step => steps.includes(step))) own.push(array)
    for (const array of own) left.delete(array)
    return own.sort((a, b) => rank(a) - rank(b))
  })
  if (left.size === 0) return arrays
  throw new DataError('wrong-weights', `${left.size} arrays belong to no layer`, {
    evidence: [...left.keys()].slice(0, 40).map(({ name, shape }) => [name.slice(0, 60), `[${shape.join(', ')}]`]),
    hint: 'model.json and its shards do not belong together',
  })
}
