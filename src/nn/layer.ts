import { onlyOptions, ShapeError, StateError, unknownOption } from '../errors.ts'
import type { Verbs } from '../program/index.ts'
import type { Shape } from '../tensor/shape.ts'
import type { View } from '../tensor/view.ts'
import { punished } from './activity.ts'
import { call, type Output, type Source } from './call.ts'
import { formed } from './form.ts'
import type { Initializer } from './initializer.ts'
import type { Json } from './json.ts'
import type { RegularizerChoice } from './resolve.ts'

/** What a layer says of its arrays. Shapes have no batch axis; parameters, state and shared have none at all. */
export interface Shapes<P extends string, S extends string, M extends string, H extends string, R extends string> {
  readonly y: Shape
  /** Trained arrays, each with its gradient; undefined when the layer is told to go without. */
  readonly params?: Readonly<Record<P, Shape | undefined>>
  /** Kept from forward to backward, a row a sample, each with its gradient. */
  readonly saved?: Readonly<Record<S, Shape>>
  /** Kept from step to step, not trained: moving averages. */
  readonly state?: Readonly<Record<M, Shape>>
  /** Kept from forward to backward, without a batch axis: statistics of the batch. */
  readonly shared?: Readonly<Record<H, Shape>>
  /** Uniform numbers in [0, 1), a row a sample: the same in forward and backward, never stored. */
  readonly random?: Readonly<Record<R, Shape>>
}

type Views<Names extends string> = Readonly<Record<Names, View>>

/** The lesson: a layer is a pair, forward and backward, written with a few verbs. */
export interface Pair<
  P extends string = string,
  S extends string = string,
  M extends string = string,
  H extends string = string,
  R extends string = string,
> {
  /** How many inputs it takes: one unless told. */
  readonly inputs?: readonly [least: number, most: number]
  /** From the shape of its input, or inputs; throws a ShapeError where that does not fit. */
  shapes(input: Shape, ...others: Shape[]): Shapes<P, S, M, H, R>
  /** Set where its last step is y = f(z), f being its setting `activation`: a loss may take over both at once. */
  readonly activated?: boolean
  /** The initialiser of each parameter and state, by name. */
  readonly initial?: Readonly<Partial<Record<NoInfer<P | M>, Initializer>>>
  /** Layers inside, by what stands before the names of their arrays: what they are told holds here too. */
  readonly within?: Readonly<Record<string, Layer>>
  /** `xs` are all its inputs in the order of the call; x is the first. */
  forward(k: Verbs, views: Views<'x' | 'y' | P | S | M | H | R>, xs: readonly View[], masks?: Masks): void
  /** Derived from what forward does when left out. */
  backward?(
    k: Verbs,
    views: Views<'x' | 'y' | 'dx' | 'dy' | P | S | M | H | R | `d${P}` | `d${S}`>,
    xs: readonly View[],
    dxs: readonly View[],
    masks?: Masks,
  ): void
  /** Forward outside training, where that differs: dropout passes, batch normalisation uses what it has learnt. */
  infer?(k: Verbs, views: Views<'x' | 'y' | P | S | M | H>, xs: readonly View[], masks?: Masks): void
  /** Set where a frozen layer runs in training as it does outside of it. */
  readonly rests?: boolean
  /**
   * Which steps of its output count, 1 or 0, [batch, steps]; asked after forward. Undefined is all, as it is for a layer
   * without this: what comes with its input ends there.
   */
  mask?(
    k: Verbs,
    views: Views<'x' | 'y' | NoInfer<P | S | M | H>>,
    xs: readonly View[],
    masks?: Masks,
  ): View | undefined
}

/** Of each input which of its steps count, 1 or 0, [batch, steps]; undefined where all do. */
export type Masks = readonly (View | undefined)[]

/** For a layer that treats each step by itself: what counts in its input counts in its output. */
export const passed = (_k: Verbs, _views: unknown, _xs: readonly View[], [mask]: Masks = []): View | undefined => mask

/** A layer that only looks at its input in another way: no work forward, none backward. */
export interface Rearrangement {
  shapes(input: Shape, ...others: Shape[]): { readonly y: Shape }
  view(x: View, y: Shape): View
}

/** What every layer may be told. */
export interface LayerOptions {
  /** Unique within a model; by default made of the type: `dense`, `dense_1`. */
  name?: string
  /** Shape of one sample, for the first layer of a model. */
  inputShape?: Shape
  /** A penalty on what the layer gives that joins the loss, as a mean over the batch. */
  activityRegularizer?: RegularizerChoice
  /** Whether training moves its weights. */
  trainable?: boolean
}

/**
 * A layer as a model is built of: plain settings, and the pair they make. Called on what other layers give, it takes
 * its place in a graph; called twice, it has the same parameters in both places.
 * @throws ShapeError when it cannot take these inputs
 * @example
 * const x = input([4])
 * const y = add()([dense(4)(x), x])
 */
export interface Layer {
  (...inputs: readonly (Source | readonly Source[])[]): Output
  readonly type: string
  /** The name that it was given, else its type; a model calls the second of a type `dense_1`. */
  readonly name: string
  /** Everything needed to make it again, as plain JSON. */
  readonly config: Readonly<Record<string, Json>>
  readonly pair: Pair | Rearrangement
  /** Whether training moves its weights; a change holds from the next compile on, for all layers within too. */
  trainable: boolean
  /** The same layer with other settings. */
  with(changes: Readonly<Record<string, Json>>): Layer
}

/** Makes layers of one type; `fromConfig` makes one from saved settings. */
export type LayerMaker<A extends readonly unknown[]> = ((...args: A) => Layer) & {
  readonly type: string
  fromConfig(config: Readonly<Record<string, Json>>, types?: LayerTypes): Layer
}

/** Makes layers from saved settings; `types` are those that a layer around others may meet beside the built-in ones. */
export type LayerTypes = Readonly<
  Record<string, { fromConfig(config: Readonly<Record<string, Json>>, types?: LayerTypes): Layer }>
>

/** A layer that asks for all of its options while it is made, so that others can be told. */
export function layer<A extends readonly unknown[]>(
  type: string,
  positional: readonly string[],
  make: (...args: A) => Pair | Rearrangement,
  pairOf = attentive,
): LayerMaker<A> {
  const fromConfig = (config: Readonly<Record<string, Json>>): Layer => {
    const options = Object.fromEntries(Object.entries(config).filter(([key]) => !positional.includes(key)))
    return build(...([...positional.map(key => config[key]), options] as unknown as A))
  }
  const build = (...args: A): Layer => {
    const named = Object.fromEntries(positional.map((key, i) => [key, args[i]]))
    const made = pairOf(type, args, positional.length, make)
    if (typeof made?.shapes !== 'function')
      throw new StateError('bad-definition', `the layer ${type} made no pair`, {
        hint: 'return pair({ shapes, forward })',
      })
    const config = JSON.parse(JSON.stringify({ ...named, ...(args[positional.length] as object) }, plain))
    let trainable = config.trainable !== false
    const inside = () => Object.values(('within' in made && made.within) || {})
    const self = Object.defineProperties(
      Object.assign((...inputs: readonly (Source | readonly Source[])[]) => call(self, inputs.flat()), {
        type,
        config,
        pair: made,
        with: (changes: Readonly<Record<string, Json>>) => fromConfig({ ...config, ...changes }),
      }),
      {
        name: { value: config.name ?? type },
        trainable: {
          enumerable: true,
          get: () => trainable,
          set(value: boolean) {
            trainable = value
            for (const layer of inside()) layer.trainable = value
          },
        },
      },
    ) as Layer
    return formed(self, make, args)
  }
  return Object.assign(build, { type, fromConfig })
}

/** Makes a pair; options are the last of the settings, and one that is not asked for meanwhile is none. */
function attentive<A extends readonly unknown[]>(
  type: string,
  settings: A,
  last: number,
  make: (...settings: A) => Pair | Rearrangement,
): Pair | Rearrangement {
  const given = settings[last] as LayerOptions | undefined
  if (!given) return make(...settings)
  onlyOptions(type, given, "options are one object: dense(3, { activation: 'relu' })")
  const asked = new Set<string>(['name', 'inputShape', 'trainable', 'activityRegularizer'])
  const watched = new Proxy(given as Readonly<Record<string, unknown>>, {
    get(options, option: string) {
      asked.add(option)
      return options[option]
    },
  })
  const made = heedless(type, settings.with(last, watched) as unknown as A, last, make)
  for (const [option, value] of Object.entries(given)) {
    if (value === undefined || asked.has(option)) continue
    // Of what has an initialiser, the model asks for a regulariser and a constraint.
    const both = (array: string) => [`${array}Regularizer`, `${array}Constraint`]
    const initial = 'initial' in made ? Object.keys(made.initial ?? {}) : []
    const names = [...asked].flatMap(name => (/Initializer$/.test(name) ? [name, ...both(name.slice(0, -11))] : name))
    if (!names.includes(option) && !initial.flatMap(both).includes(option)) throw unknownOption(type, option, names)
  }
  return made
}

/** Makes a pair that may look at its options at any time. */
export const heedless: typeof attentive = (_, settings, last, make) =>
  punished(make(...settings), (settings[last] as LayerOptions | undefined)?.activityRegularizer)

/** A maker stands for what it makes with its own settings. */
const plain = (option: string, value: unknown) =>
  typeof value === 'function' && /(activation|initializer|regularizer|constraint)$/i.test(option)
    ? value().toJSON()
    : value

/** Gives a pair's arrays their types: asking for the gradient of something that is not there does not compile. */
export const pair = <
  P extends string = never,
  S extends string = never,
  M extends string = never,
  H extends string = never,
  R extends string = never,
>(
  p: Pair<P, S, M, H, R>,
): Pair => p as unknown as Pair

/** Checks a setting that counts something. */
export function whole(who: string, what: string, value: unknown, least = 1): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= 2 ** 31) return value as number
  throw new ShapeError('bad-option', `${who} got ${what} ${show(value)}, expected a whole number from ${least}`, {
    hint: `${what} counts something; give one number such as ${Math.max(least, 8)}`,
  })
}

/** Checks a setting that is one number for both axes or a pair of them. */
export function two(who: string, what: string, value: unknown): [number, number] {
  const [a, b] = Array.isArray(value) && value.length === 2 ? value : [value, value]
  return [whole(who, what, a), whole(who, what, b)]
}

/** Checks a setting that is a number in [low, high). */
export function fraction(who: string, what: string, value: unknown, low = 0, high = 1): number {
  if (typeof value === 'number' && value >= low && value < high) return value
  throw new ShapeError('bad-option', `${who} got ${what} ${show(value)}, expected a number in [${low}, ${high})`, {
    hint: `${what} is a share, for example 0.5`,
  })
}

const show = (value: unknown) => (JSON.stringify(value) ?? String(value)).slice(0, 24)

/** Checks that a layer's input has the given number of axes. */
export function axes(who: string, input: Shape, count: number, meaning: string): void {
  if (input.length === count) return
  throw new ShapeError('wrong-rank', `${who} got an input of ${input.length} axes, expected ${count}: ${meaning}`, {
    evidence: [['input', `[${input.join(', ')}]`]],
    hint: count === 1 ? 'put flatten() before it' : 'give each sample height, width and channels: [28, 28, 1]',
  })
}
