import { ShapeError } from '../../errors.ts'
import { apply, derivative, formula, formulaOf, name as nameNode, once } from '../../formula/index.ts'
import type { Shape } from '../../tensor/shape.ts'
import { sizeOf } from '../../tensor/shape.ts'
import type { Initializer } from '../initializer.ts'
import { ones, randomNormal, zeros } from '../initializers.ts'
import { type LayerMaker, type LayerOptions, layer, type Pair, passed } from '../layer.ts'
import { type InitializerChoice, resolveInitializer } from '../resolve.ts'

/** How each trained number begins, `alphaInitializer` for alpha, and along which axes it is the same. */
export type TrainedActivationOptions<P extends string> = LayerOptions & {
  /** Axes that share one number, counted with the batch as axis 0: [1, 2] gives an image's channels a number each. */
  sharedAxes?: readonly number[]
} & { readonly [K in `${P}Initializer`]?: InitializerChoice }

/**
 * A layer whose activation has trained numbers: y = f(x, α, …). Every slope is derived from f, but for dx where it is
 * written; those of the numbers are summed over the batch and the shared axes.
 */
function trained<P extends string>(
  type: string,
  initial: Readonly<Record<P, () => Initializer>>,
  text: string,
  written?: string,
): LayerMaker<[options?: TrainedActivationOptions<P>]> {
  const names = Object.keys(initial) as P[]
  const formulas = once(() => {
    const f = formula(text)
    const slope = (of: string) => apply('*', nameNode('dy'), derivative([...f.outputs.values()][0], of))
    const dx = written === undefined ? formulaOf({ dx: slope('x') }) : formula(written)
    return { f, dx, slopes: formulaOf(Object.fromEntries(names.map(name => [`d${name}`, slope(name)]))) }
  })
  return layer(type, [], (options: TrainedActivationOptions<P> = {} as TrainedActivationOptions<P>): Pair => {
    const { f, dx, slopes } = formulas()
    const { sharedAxes = [] } = options
    const given = options as Readonly<Record<string, InitializerChoice | undefined>>
    const pick = <T>(views: Readonly<Record<string, T>>, prefix = '') =>
      Object.fromEntries(names.map(name => [prefix + name, views[prefix + name]]))
    return {
      mask: passed,
      shapes(input) {
        const shape = alike(type, input, sharedAxes)
        return { y: input, params: Object.fromEntries(names.map(name => [name, shape])) }
      },
      initial: Object.fromEntries(
        names.map(name => [name, resolveInitializer(given[`${name}Initializer`] ?? initial[name]())]),
      ),
      forward(k, views) {
        k.map(views.y, f, { x: views.x, ...pick(views) }) // y = f(x, α)
      },
      backward(k, views) {
        const { x, dy } = views
        k.map(views.dx, dx, { x, dy, ...pick(views) }) // dx = dy ⊙ ∂f/∂x
        k.reduce(pick(views, 'd'), 'sum', slopes, { x, dy, ...pick(views) }, [0, ...sharedAxes]) // dα = Σ dy ⊙ ∂f/∂α
      },
    }
  })
}

/** The shape of a trained number: the input's, with 1 for the shared axes. */
function alike(type: string, input: Shape, shared: readonly number[]): Shape {
  const fits =
    Array.isArray(shared) && shared.every(axis => Number.isInteger(axis) && axis >= 1 && axis <= input.length)
  if (fits && new Set(shared).size === shared.length) return input.map((n, i) => (shared.includes(i + 1) ? 1 : n))
  throw new ShapeError('bad-option', `${type} got sharedAxes ${JSON.stringify(shared)?.slice(0, 24)}`, {
    evidence: [['input', `[${input.join(', ')}], ${sizeOf(input)} numbers`]],
    hint: 'axis 0 is the batch: [1, 2] shares over the height and width of an image',
  })
}

/**
 * A leaky ReLU that learns its slopes: y = x > 0 ? x : α·x.
 * @equation y = \begin{cases} x & \text{if } x > 0 \\ \alpha \, x & \text{otherwise} \end{cases}
 * @slope dx = dy \, [x > 0] + \alpha \, dy \, [x \le 0], \quad d\alpha = \sum x \, dy \, [x \le 0]
 * @shape any → the same; alpha has one number an element, or with sharedAxes one for all along these axes
 * @paper He et al. 2015; PyTorch shares one slope by default and begins at 0.25, Keras at 0
 * @example
 * prelu()
 */
export const prelu = trained('prelu', { alpha: zeros }, 'x > 0 ? x : alpha * x')

/**
 * A swish that learns how sharp it is: y = x·σ(β·x); β = 1 is silu, a large β is nearly ReLU.
 * @equation y = x \, \sigma(\beta x)
 * @slope dx = dy \, \sigma(\beta x) \, (1 + \beta x \, (1 - \sigma(\beta x))), \quad d\beta = \sum dy \, x^2 \, \sigma(\beta x) \, (1 - \sigma(\beta x))
 * @shape any → the same
 * @paper Ramachandran et al. 2017
 * @example
 * swish()
 */
export const swish = trained('swish', { beta: ones }, 'x * sigmoid(beta * x)')

/**
 * Learns whether to activate: y = (p₁ − p₂)·x·σ(β·(p₁ − p₂)·x) + p₂·x, between a straight line and a sharp bend.
 * @equation y = d \, \sigma(\beta d) + p_2 x, \quad d = (p_1 - p_2) \, x
 * @slope dx = dy \left((p_1 - p_2) \, s + p_2\right), \quad s = \sigma(\beta d) \, (1 + \beta d \, (1 - \sigma(\beta d))), \quad dp_1 = \sum dy \, x \, s, \quad dp_2 = \sum dy \, x \, (1 - s)
 * @shape any → the same
 * @paper Ma et al. 2021 (ACON-C), whose code draws p₁ and p₂ from the standard normal and begins with β = 1
 * @example
 * aconC()
 */
export const aconC = trained(
  'aconC',
  { p1: () => randomNormal({ stddev: 1 }), p2: () => randomNormal({ stddev: 1 }), beta: ones },
  'let d = (p1 - p2) * x; d * sigmoid(beta * d) + p2 * x',
)

/**
 * S-shaped ReLU, three straight lines that are learnt: from tRight on the slope is aRight, up to tLeft it is aLeft, between
 * them 1. It begins as ReLU.
 * @equation y = \begin{cases} t_r + a_r (x - t_r) & \text{if } x \ge t_r \\ t_l + a_l (x - t_l) & \text{if } x \le t_l \\ x & \text{otherwise} \end{cases}
 * @slope dx = dy \begin{cases} a_r & \text{if } x \ge t_r \\ a_l & \text{if } x \le t_l \\ 1 & \text{otherwise} \end{cases}
 * @shape any → the same
 * @paper Jin et al. 2016
 * @example
 * srelu()
 */
export const srelu = trained(
  'srelu',
  { tLeft: zeros, aLeft: zeros, tRight: ones, aRight: ones },
  'x >= tRight ? tRight + aRight * (x - tRight) : x <= tLeft ? tLeft + aLeft * (x - tLeft) : x',
)
