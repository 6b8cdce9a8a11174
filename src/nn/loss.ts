import { StateError } from '../errors.ts'
import { apply, check, derivative, type Formula, formula, formulaOf, name as nameNode, once } from '../formula/index.ts'
import type { Operands, Reduction, Verbs } from '../program/index.ts'
import { type Shape, sizeOf } from '../tensor/shape.ts'
import type { View } from '../tensor/view.ts'
import { sigmoid, softmax } from './activations.ts'
import { formed, identity } from './form.ts'
import { type Json, type MakerOf, type NoSettings, numbersOf, type Params, withDefaults } from './json.ts'

/** One number for a batch, and its gradient. p is the prediction, t the target, both with the batch axis first. */
export interface Loss {
  readonly name: string
  readonly params: Params
  /** What a target is: as the prediction, or the number of its class. */
  readonly target: 'same' | 'class'
  /** The shape of one target, where it does not follow from that. */
  targetShape?(output: Shape): Shape
  /** loss = mean over the batch of each sample's loss times its weight; `loss` has one element, `weight` one a sample. */
  forward(k: Verbs, views: { p: View; t: View; loss: View; weight?: View }): void
  /** dp = ∂loss/∂p */
  backward(k: Verbs, views: { p: View; t: View; dp: View; weight?: View }): void
  /** The same loss with an activation in front as one pair on its input z: exact where the two apart would overflow. */
  readonly fused?: FusedLoss
  toJSON(): Json
}

export interface FusedLoss {
  readonly activation: string
  forward(k: Verbs, views: { z: View; t: View; loss: View; weight?: View }): void
  backward(k: Verbs, views: { z: View; p: View; t: View; dz: View; weight?: View }): void
}

export type LossMaker<P = Params> = MakerOf<Loss, P>

/** A loss written with verbs; `params` are its settings. */
export interface LossDefinition<P extends Params = Params> {
  params?: P
  target?: Loss['target']
  targetShape?(output: Shape, params: Record<string, number>): Shape
  /** Whether it looks at `weight`, what each sample counts: one number a sample, or 1 for all. */
  weighted?: boolean
  forward(
    k: Verbs,
    views: { p: View; t: View; loss: View; weight: View | number },
    params: Record<string, number>,
  ): void
  backward(k: Verbs, views: { p: View; t: View; dp: View; weight: View | number }, params: Record<string, number>): void
}

/** Numbers of a row (or of the whole batch) that the formulas use, in order; a later one may use those before it. */
export type Parts = Readonly<Record<string, readonly [Reduction, string]>>

/** A loss as formulas. */
export interface FormulaLossDefinition<P extends Params = Params> {
  params?: P
  target?: Loss['target']
  /** Over what the mean is taken: each element (default), each row (the last axis), or everything is one. */
  per?: 'element' | 'row' | 'batch'
  /** Σ p of a row and the like: `{ s: ['sum', 'p'] }`. */
  parts?: Parts
  /**
   * The loss, of p, t, the parts and parameters, `classes` (how long a row is), and `j` (the place in it). What names p
   * or t is summed over the row, what names only parts counts once.
   */
  forward: string
  /** Its derivative by p; derived when left out, which only a loss without parts may. */
  backward?: string
  /** The loss behind an activation, of its input z; `backward` (by z) also sees its output p. */
  fused?: { activation: string; parts?: Parts; forward: string; backward: string }
}

/** A loss whose formulas are read when it is first made. */
export function loss<P extends Params = NoSettings>(
  name: string,
  definition: LossDefinition<P> | FormulaLossDefinition<P>,
): LossMaker<P> {
  const maker = isVerbs(definition) ? verbLoss(name, definition) : formulaLoss(name, definition)
  return given => {
    const made = maker(given)
    return formed(made, name, identity(definition), made.params)
  }
}

const isVerbs = (definition: LossDefinition | FormulaLossDefinition): definition is LossDefinition =>
  typeof definition.forward === 'function'

function verbLoss(name: string, { params: defaults = {}, target = 'same', ...pair }: LossDefinition): LossMaker {
  return (given = {}) => {
    const params = withDefaults(`loss ${name}`, defaults, given)
    const numbers = numbersOf(params)
    return {
      name,
      params,
      target,
      ...(pair.targetShape && { targetShape: output => pair.targetShape!(output, numbers) }),
      forward(k, { p, t, loss, weight = 1 }) {
        if (typeof weight !== 'number' && !pair.weighted)
          throw new StateError('no-weights', `${name} knows no weights of samples`, {
            hint: 'leave sampleWeight and classWeight out, or let the loss use `weight` and say weighted: true',
          })
        pair.forward(k, { p, t, loss, weight }, numbers)
      },
      backward: (k, { p, t, dp, weight = 1 }) => pair.backward(k, { p, t, dp, weight }, numbers),
      toJSON: () => ({ name, params }),
    }
  }
}

function formulaLoss(name: string, definition: FormulaLossDefinition): LossMaker {
  const { params: defaults = {}, per = 'element', target = 'same', fused } = definition
  const known = [...Object.keys(defaults), 't', 'classes', 'j']
  const sides = once(() => ({
    direct: side(name, definition, per, [...known, 'p'], 'p'),
    pair: fused && side(name, fused, per, [...known, 'z', 'p'], 'z'),
  }))
  return (given = {}) => {
    const { direct, pair } = sides()
    const params = withDefaults(`loss ${name}`, defaults, given)
    const numbers = numbersOf(params)
    const { fromLogits = 0, labelSmoothing = 0 } = numbers
    const aim = (k: Verbs, t: View, p: View) => {
      const hot = target === 'class' ? oneHot(k, t, p) : t
      if (labelSmoothing === 0) return hot
      const soft = k.scratch('soft', p.shape)
      const classes = per === 'row' ? p.shape[p.shape.length - 1] : 2
      k.map(soft, 't * (1 - labelSmoothing) + labelSmoothing / classes', { t: hot, labelSmoothing, classes })
      return soft
    }
    const { ignoreClass = -1 } = numbers
    const count = (k: Verbs, t: View, p: View, weight?: View) =>
      target === 'class' && ignoreClass !== -1 ? others(k, t, p, ignoreClass, weight) : weight
    const on = (over: Side): Omit<FusedLoss, 'activation'> => ({
      forward: (k, { z, t, loss, weight }) =>
        over.forward(k, { z, t: aim(k, t, z) }, loss, numbers, count(k, t, z, weight)),
      backward: (k, { z, p, t, dz, weight }) =>
        over.backward(k, { z, p, t: aim(k, t, p) }, dz, numbers, count(k, t, p, weight)),
    })
    const logits = pair && on(pair)
    return {
      name,
      params,
      target,
      forward(k, { p, t, loss, weight }) {
        if (fromLogits && logits) logits.forward(k, { z: p, t, loss, weight })
        else direct.forward(k, { p, t: aim(k, t, p) }, loss, numbers, count(k, t, p, weight))
      },
      backward(k, { p, t, dp, weight }) {
        if (!(fromLogits && logits))
          return direct.backward(k, { p, t: aim(k, t, p) }, dp, numbers, count(k, t, p, weight))
        const squashed = k.scratch('squashed', p.shape)
        const squash = fused!.activation === 'softmax' ? softmax() : sigmoid()
        squash.forward(k, { x: p, y: squashed })
        logits.backward(k, { z: p, p: squashed, t, dz: dp, weight })
      },
      ...(logits && !fromLogits && { fused: { activation: fused!.activation, ...logits } }),
      toJSON: () => ({ name, ...definition, params }) as unknown as Json,
    }
  }
}

type Side = ReturnType<typeof side>

/** A pair of formulas as the two passes: by p, or by z. */
function side(
  name: string,
  { parts = {}, forward: text, backward: written }: Pick<FormulaLossDefinition, 'parts' | 'forward' | 'backward'>,
  per: 'element' | 'row' | 'batch',
  known: readonly string[],
  by: string,
) {
  const names = [...known, ...Object.keys(parts)]
  const read = (source: string) => check(formula(source), names, `loss ${name}`)
  const value = read(text)
  const slope = written === undefined ? derived(value, by) : read(written)
  const whole = per === 'element' ? weighed(value) : share(value)
  const part = share(slope)

  /** The operands of a formula: arrays, parts, numbers, and n, the number of things the mean is over. */
  function operands(k: Verbs, views: Readonly<Record<string, View>>, numbers: Operands, weight?: View) {
    const x = views[by]
    const classes = x.shape[x.shape.length - 1]
    const n = per === 'batch' ? 1 : sizeOf(x.shape) / (per === 'row' ? classes : 1)
    const all: Record<string, View | number> = { ...numbers, ...views, classes, n, weight: 1, j: k.index(classes) }
    const axes = per === 'batch' ? axesOf(x) : [x.shape.length - 1]
    const part = (key: string, kind: Reduction, source: string) => {
      const room = k.scratch(
        key,
        x.shape.map((size, i) => (axes.includes(i) ? 1 : size)),
      )
      k.reduce(room, kind, source, { ...all }, axes)
      all[key] = room
    }
    for (const [key, [kind, source]] of Object.entries(parts)) part(key, kind, source)
    if (weight) all.weight = column(weight, x)
    if (weight && per === 'batch') part('weight', 'mean', 'weight')
    return all
  }
  const kind = per === 'element' ? 'mean' : 'sum'
  return {
    forward: (k: Verbs, views: Readonly<Record<string, View>>, loss: View, numbers: Operands, weight?: View) =>
      k.reduce(loss, kind, whole, operands(k, views, numbers, weight), axesOf(views[by])),
    backward: (k: Verbs, views: Readonly<Record<string, View>>, d: View, numbers: Operands, weight?: View) =>
      k.map(d, part, operands(k, views, numbers, weight)),
  }
}

const derived = (value: Formula, by: string): Formula =>
  formulaOf({ d: derivative([...value.outputs.values()][0], by) })

/** The formula times a sample's weight. */
const weighed = (of: Formula): Formula =>
  formulaOf({ weighed: apply('*', [...of.outputs.values()][0], nameNode('weight')) })

/** The same divided by n: an element's share of a mean. */
const share = (of: Formula): Formula =>
  formulaOf({ share: apply('/', weighed(of).outputs.get('weighed')!, nameNode('n')) })

const axesOf = (x: View) => x.shape.map((_, i) => i)

/** What each sample counts, broadcast over x. */
export const beside = (weight: View | number, x: View): View | number =>
  typeof weight === 'number' ? weight : column(weight, x)

/** One number a sample, or a row, as wide as x. */
const column = (weight: View, x: View): View =>
  weight.shape.length === x.shape.length ? weight : weight.reshape(x.shape[0], ...x.shape.slice(1).map(() => 1))

/** What each row counts when those of one class count nothing, and the mean is over the others. */
function others(k: Verbs, t: View, p: View, ignored: number, weight?: View): View {
  const u = t.reshape(...p.shape.with(-1, 1))
  const [valid, counts] = [k.scratch('valid', [1]), k.scratch('counts', u.shape)]
  k.reduce(valid, 'sum', 'u != ignored ? 1 : 0', { u, ignored }, axesOf(u))
  k.map(counts, 'u != ignored ? weight * n / max(valid, 1) : 0', {
    ...{ u, ignored, n: sizeOf(u.shape), weight: weight ? column(weight, p) : 1 },
    valid: valid.reshape(...u.shape.map(() => 1)),
  })
  return counts
}

/** Class numbers as rows of zeros with a one. */
function oneHot(k: Verbs, t: View, like: View): View {
  const hot = k.scratch('hot', like.shape)
  k.map(hot, 'j == t ? 1 : 0', {
    j: k.index(like.shape[like.shape.length - 1]),
    t: t.reshape(...like.shape.with(-1, 1)),
  })
  return hot
}
