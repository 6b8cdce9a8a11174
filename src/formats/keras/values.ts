import * as activations from '../../nn/activations.ts'
import * as constraints from '../../nn/constraints.ts'
import * as initializers from '../../nn/initializers.ts'
import type { Json } from '../../nn/json.ts'
import * as regularizers from '../../nn/regularizers.ts'
import { camel, snake } from './table.ts'

export type Config = Readonly<Record<string, Json>>

export const isConfig = (value: unknown): value is Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Something of Keras that has no counterpart; the layer's name is added where it is known. */
export class Foreign extends Error {}

type Known = Readonly<Record<string, () => { readonly params?: Readonly<Record<string, unknown>> }>>
const kinds: readonly (readonly [argument: RegExp, known: Known])[] = [
  [/_initializer$/, initializers as unknown as Known],
  [/_regularizer$/, regularizers as unknown as Known],
  [/_constraint$/, constraints as unknown as Known],
]

/** sigmoid of straight lines, as it was before Keras 3. */
const oldHardSigmoid = { name: 'hardSigmoid2', forward: 'min(max(0.2 * x + 0.5, 0), 1)', params: {} }
const quote = (value: unknown) => JSON.stringify(value)?.slice(0, 60)

/** The value of an argument of a layer as we write it. */
export function valueFrom(argument: string, value: Json, before3: boolean): Json {
  if (/activation$/.test(argument)) return activationFrom(value, before3)
  const kind = kinds.find(([pattern]) => pattern.test(argument))
  if (kind) return named(argument, value, kind[1])
  if (argument === 'mode' && typeof value === 'string') return camel(value)
  if (argument === 'padding' && typeof value === 'string') return value.toLowerCase()
  if (argument === 'merge_mode' && value === null) throw new Foreign('merge_mode None gives two outputs')
  return value
}

function activationFrom(value: Json, before3: boolean): Json {
  if (value === null) return 'linear'
  if (isConfig(value)) {
    const { class_name: type, config } = value
    if (type === 'function' && typeof config === 'string') return activationFrom(config, before3)
    if (type === 'LeakyReLU' && isConfig(config))
      return { name: 'leakyRelu', params: { slope: config.negative_slope ?? config.alpha ?? 0.3 } }
    throw new Foreign(`unknown activation ${quote(type)}`)
  }
  const name = camel(String(value))
  if (name === 'hardSigmoid' && before3) return oldHardSigmoid
  if (typeof value === 'string' && Object.hasOwn(activations, name)) return name
  throw new Foreign(`unknown activation ${quote(value)}`)
}

/** Old names of initialisers. */
const aliases: Readonly<Record<string, string>> = {
  uniform: 'randomUniform',
  normal: 'randomNormal',
  zero: 'zeros',
  one: 'ones',
  l1L2: 'l1l2',
  orthogonalRegularizer: 'orthogonal',
  identityInitializer: 'identity',
}

/** GlorotUniform, glorot_uniform or { class_name, config } as our name with the settings we have. */
function named(argument: string, value: Json, known: Known): Json {
  if (value === null) return null
  const { class_name: type, config = {} } = isConfig(value) ? value : { class_name: value }
  const plain = camel(String(type).replace(/^./, letter => letter.toLowerCase()))
  const name = Object.hasOwn(aliases, plain) ? aliases[plain] : plain
  if (!Object.hasOwn(known, name)) throw new Foreign(`unknown ${argument} ${quote(type)}`)
  const own = known[name]().params ?? {}
  const params = Object.entries(isConfig(config) ? config : {}).flatMap(([key, setting]) => {
    const ours = camel(key)
    if (!Object.hasOwn(own, ours) || setting === null) return []
    return [[ours, typeof setting === 'string' ? camel(setting) : setting] as const]
  })
  return params.length > 0 ? { name, params: Object.fromEntries(params) } : name
}

/** Keras's own names, which `keras.activations.get` knows. */
const theirs = new Set(
  `elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear log_sigmoid log_softmax
   mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus
   swish tanh tanh_shrink threshold celu`.split(/\s+/),
)

/** The value of one of our settings as Keras writes it. */
export function valueTo(argument: string, value: Json, before3 = false): Json {
  const { name, params = {} } = (isConfig(value) ? value : { name: value }) as { name: string; params?: Config }
  if (/activation$/.test(argument)) {
    const isOld = isConfig(value) && name === oldHardSigmoid.name && value.forward === oldHardSigmoid.forward
    if (isOld && before3) return 'hard_sigmoid'
    if (name === 'hardSigmoid' && before3) throw new Foreign('its hard_sigmoid has the slope 0.2 instead of 1/6')
    const own = Object.hasOwn(activations, name) ? ((activations as unknown as Known)[name]().params ?? {}) : undefined
    if (!own || !theirs.has(snake(name))) throw new Foreign(`Keras has no activation ${quote(name)}`)
    const changed = Object.entries(params).find(([key, setting]) => own[key] !== setting)
    if (changed) throw new Foreign(`Keras's ${snake(name)} has no setting ${changed[0]}`)
    return snake(name)
  }
  if (argument === 'mode') return snake(name)
  const kind = kinds.find(([pattern]) => pattern.test(argument))
  if (!kind || value === null) return value
  const module = `keras.${argument.replace(/^.*_/, '')}s`
  const upper = (text: string) => text.replace(/^./, letter => letter.toUpperCase())
  const type = upper(
    name === 'l1l2' ? 'L1L2' : name === 'orthogonal' && /regularizer/.test(argument) ? 'orthogonalRegularizer' : name,
  )
  const config = Object.entries(params).map(([key, setting]) => [
    snake(key),
    typeof setting === 'string' ? snake(setting) : setting,
  ])
  return { module, class_name: type, config: Object.fromEntries(config), registered_name: null }
}
