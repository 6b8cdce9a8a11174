import { nothingElse, StateError } from '../errors.ts'
import { type ElementwiseDefinition, activation as lazyActivation, type RowwiseDefinition } from './activation.ts'
import { layer as heedful, heedless, type LayerMaker, type Pair, type Rearrangement } from './layer.ts'
import { loss as lazyLoss } from './loss.ts'
import { metric as lazyMetric } from './metric.ts'
import { optimizer as lazyOptimizer } from './optimizer.ts'
import { regularizer as lazyRegularizer } from './regularizer.ts'

/** What any of several kinds of definitions may say. */
type Said<D> = { readonly [K in D extends unknown ? keyof D : never]?: unknown }

/**
 * Makes a thing as it is defined: a slip in a formula, or in the name of a part, shows where it is written, and not where
 * it is first used. `parts` are those that a definition knows, and what else one has; of `heart` it must have one.
 */
const atOnce =
  <D, A extends readonly unknown[], M extends () => unknown>(
    define: (name: string, definition: D, ...more: A) => M,
    heart: readonly (keyof Said<D>)[],
    parts: (definition: Said<D>) => readonly [known: object, others: Readonly<Record<string, undefined>>],
  ) =>
  (name: string, definition: D, ...more: A): M => {
    const [known, others] = parts(definition as Said<D>)
    nothingElse(name, others, known)
    if (!heart.some(part => ['string', 'function'].includes(typeof (definition as Said<D>)[part])))
      throw new StateError(
        'bad-definition',
        `the definition of ${String(name).slice(0, 40)} has no ${String(heart[0])}`,
        {
          hint: `it has the parts ${Object.keys(known).join(', ')}`,
        },
      )
    const maker = define(name, definition, ...more)
    maker()
    return maker
  }

/**
 * Defines an activation by formulas, or by verbs where an output depends on a whole row.
 *
 * One by verbs has the setting `axis`, counted with the batch axis as Keras counts it, by default the last: -1.
 * @throws FormulaError when a formula cannot be read or uses an unknown name
 * @example
 * const mine = activation('mine', { forward: 'x * tanh(a * x)', params: { a: 2 } })
 * dense(8, { activation: mine({ a: 3 }) })
 */
export const activation = atOnce(
  lazyActivation,
  ['forward'],
  ({ params, forward, backward, range, width, ...others }: Said<ElementwiseDefinition | RowwiseDefinition>) => [
    { params, forward, backward, range, width },
    others,
  ],
) as typeof lazyActivation

/**
 * Defines a loss by formulas of p and t (the mean over all elements is taken), or by verbs.
 *
 * A loss with a `fused` part understands the parameter `fromLogits`; one with `labelSmoothing` is given softened targets.
 * @throws FormulaError when a formula cannot be read or uses an unknown name
 * @example
 * const meanAbsoluteError = loss('meanAbsoluteError', { forward: 'abs(p - t)', backward: 'sign(p - t)' })
 */
export const loss = atOnce(
  lazyLoss,
  ['forward'],
  ({ params, target, targetShape, weighted, per, parts, forward, backward, fused, ...others }) => [
    { params, target, targetShape, weighted, per, parts, forward, backward, fused },
    others,
  ],
) as typeof lazyLoss

/**
 * Defines an optimiser by a formula over all weights at once, or by verbs for one parameter; where its settings decide
 * what it keeps, by a function of them.
 * @throws FormulaError when the step cannot be read or uses an unknown name
 * @example
 * const sign = optimizer('sign', { params: { learningRate: 1e-3 }, step: 'w = w - learningRate * sign(g)' })
 */
export const optimizer = atOnce(lazyOptimizer, ['step'], ({ params, state, step, together, decays, ...others }) => [
  { params, state, step, together, decays },
  others,
]) as typeof lazyOptimizer

/**
 * Defines a penalty by a formula of one weight, or by verbs.
 * @throws FormulaError when the formula cannot be read or uses an unknown name
 * @example
 * const l2 = regularizer('l2', { params: { l2: 0.01 }, penalty: 'l2 * w^2' })
 */
export const regularizer = atOnce(
  lazyRegularizer,
  ['penalty', 'forward'],
  ({ params, penalty, forward, backward, ...others }) => [{ params, penalty, forward, backward }, others],
) as typeof lazyRegularizer

/**
 * Defines a metric by its sums and what is made of them.
 * @example
 * const bias = metric('bias', {
 *   measure: (k, { p, t, out }) => k.reduce(out, 'sum', 'p - t', { p, t }, [0, 1]),
 * })
 */
export const metric = atOnce(lazyMetric, ['measure'], ({ params, size, measure, value, ...others }) => [
  { params, size, measure, value },
  others,
]) as typeof lazyMetric

/**
 * Defines a layer: a function of its settings that returns its pair.
 *
 * `positional` names the arguments before the options, as they are called in a saved model. Options may be looked at as late
 * as in `forward`, so that those it does not know are not told, as those of the library's layers are.
 * @example
 * const double = layer('double', [], (_: LayerOptions = {}) => pair({
 *   shapes: input => ({ y: input }),
 *   forward(k, { x, y }) { k.map(y, '2 * x', { x }) },
 *   backward(k, { dx, dy }) { k.map(dx, '2 * dy', { dy }) },   // may be left out
 * }))
 */
export const layer = <A extends readonly unknown[]>(
  type: string,
  positional: readonly string[],
  make: (...settings: A) => Pair | Rearrangement,
): LayerMaker<A> => heedful(type, positional, make, heedless)
