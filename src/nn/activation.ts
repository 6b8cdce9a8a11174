import { ShapeError, StateError } from '../errors.ts'
import {
  apply,
  check,
  derivative,
  type Formula,
  formula,
  formulaOf,
  name as nameNode,
  number,
  once,
  substitute,
} from '../formula/index.ts'
import { recent, type Verbs } from '../program/index.ts'
import type { Shape } from '../tensor/shape.ts'
import type { View } from '../tensor/view.ts'
import { formed, formOf, identity } from './form.ts'
import { type Json, type MakerOf, type NoSettings, type Params, withDefaults } from './json.ts'

/** y = f(x) and dx = dy·f′(x), ready to be put into a layer. */
export interface Activation {
  readonly name: string
  readonly params: Params
  /** The values it can take. */
  readonly range: Range
  /** Set when it works element by element: its formulas with the numbers in their places. */
  readonly formulas?: { readonly forward: Formula; readonly backward: Formula }
  /** The shape of a sample after it: the same, but for gates, which halve an axis, and the like. */
  outputShape(input: Shape): Shape
  forward(k: Verbs, views: { x: View; y: View }): void
  backward(k: Verbs, views: { x: View; y: View; dy: View; dx: View }): void
  toJSON(): Json
}

export interface ElementwiseDefinition<P extends Params = Params> {
  /** Numbers the formulas use, with their defaults. */
  params?: P
  /** y of x and the parameters. */
  forward: string
  /** dx of x, y, dy and the parameters; what it mentions is what is kept in memory. Derived when left out. */
  backward?: string
  /** The values it can take, of the settings. */
  range?: Range | ((params: Record<string, number>) => Range)
}

type Range = readonly [low: number, high: number]

/** Written for the last axis; `axis` turns any other into it. */
export interface RowwiseDefinition extends Pick<Activation, 'forward' | 'backward'> {
  /** The length of the axis after it, of the length before. */
  width?(width: number): number
  range?: Range
}

export type ActivationMaker<P = Params> = MakerOf<Activation, P>

/** An activation whose formulas are read when it is first made. */
export function activation<P extends Params = NoSettings>(
  name: string,
  definition: ElementwiseDefinition<P>,
): ActivationMaker<P>
export function activation(name: string, definition: RowwiseDefinition): ActivationMaker<{ axis: number }>
export function activation(name: string, definition: ElementwiseDefinition | RowwiseDefinition): ActivationMaker {
  const maker =
    typeof definition.forward === 'function'
      ? rowwise(name, definition as RowwiseDefinition)
      : elementwise(name, definition as ElementwiseDefinition)
  return (given?: Params) => {
    const made = maker(given)
    return formed(made, name, identity(definition), made.params)
  }
}

/**
 * The activation a bare formula of x stands for: `x * tanh(x)`. Undefined for what reads as a name, such as `relu` or
 * `leaky-relu`.
 * @throws FormulaError with a caret, when the formula cannot be read or uses another name than x
 */
export const formulaActivation = (text: string): Activation | undefined =>
  text !== 'x' && /^[\w-]*$/.test(text) ? undefined : activation(text, { forward: text })()

/** Forward and backward with settings in place of their names: a deep network has the same ones many times. */
const formulas = recent<readonly Formula[]>(64)

function elementwise(name: string, definition: ElementwiseDefinition): ActivationMaker {
  const { params: defaults = {}, forward: text, backward: written, range = [-Infinity, Infinity] } = definition
  const known = Object.keys(defaults)
  const general = once(() => {
    const value = check(formula(text), ['x', ...known], `activation ${name}`)
    const slopes = written === undefined ? slope(value) : formula(written)
    return [value, check(slopes, ['x', 'y', 'dy', ...known], `the backward pass of ${name}`)]
  })
  const special = (params: Params) =>
    formulas(`${identity(definition)} ${formOf(params)}`, () => {
      const numbers = Object.fromEntries(Object.entries(params).map(([key, value]) => [key, number(Number(value))]))
      return general().map(({ outputs }) =>
        formulaOf(new Map([...outputs].map(([key, node]) => [key, substitute(node, numbers)]))),
      )
    })
  return (given = {}) => {
    const params = settled(name, defaults, given)
    const [forward, backward] = known.length === 0 ? general() : special(params)
    return {
      name,
      params,
      range: typeof range === 'function' ? range(params as Record<string, number>) : range,
      formulas: { forward, backward },
      outputShape: input => input,
      forward: (k, { x, y }) => k.map(y, forward, { x }),
      backward: (k, { x, y, dy, dx }) => k.map(dx, backward, { x, y, dy }),
      toJSON: () => ({
        name,
        params: finite(params),
        forward: text,
        ...(written === undefined ? {} : { backward: written }),
      }),
    }
  }
}

function rowwise(name: string, { forward, backward, width, range = [-Infinity, Infinity] }: RowwiseDefinition) {
  return (given: Params = {}): Activation => {
    const params = settled(name, { axis: -1 }, given)
    const axis = params.axis as number
    /** Its axis as the last one: exchanging axes costs nothing. */
    const turned = <V extends Readonly<Record<string, View>>>(views: V): V =>
      Object.fromEntries(
        Object.entries(views).map(([key, view]) => {
          const order = view.shape.map((_, i) => i)
          return [
            key,
            view.transpose(...order.toSpliced(place(name, axis, order.length), 1), place(name, axis, order.length)),
          ]
        }),
      ) as V
    return {
      name,
      params,
      range,
      outputShape(input) {
        const at = place(name, axis, input.length + 1) - 1
        return width ? input.with(at, width(input[at])) : input
      },
      forward: (k, views) => forward(k, turned(views)),
      backward: (k, views) => backward(k, turned(views)),
      toJSON: () => (axis === -1 ? name : { name, params }),
    }
  }
}

/** The axis counted from the front, batch axis included. */
function place(name: string, axis: number, count: number): number {
  const found = axis < 0 ? count + axis : axis
  if (Number.isInteger(axis) && found > 0 && found < count) return found
  throw new ShapeError('bad-axis', `${name} got axis ${axis}, expected one of 1 to ${count - 1}`, {
    hint: 'axis 0 is the batch; -1 is the last',
  })
}

/** The settings with their defaults: finite numbers, so that they can be saved. */
function settled<P extends Params>(name: string, defaults: P, given: object): P {
  const params = withDefaults(`activation ${name}`, defaults, given)
  for (const [key, value] of Object.entries(params))
    if (typeof value === 'number' && value !== defaults[key] && !Number.isFinite(value))
      throw new StateError('bad-option', `activation ${name} got ${key} = ${value}`, {
        evidence: [['settings', JSON.stringify(defaults)]],
        hint: 'give finite numbers under these names',
      })
  return params
}

const finite = (params: Params): Params =>
  Object.fromEntries(Object.entries(params).filter(([, value]) => Number.isFinite(Number(value))))

/** dy · ∂y/∂x */
function slope(forward: Formula): Formula {
  const [y] = forward.outputs.values()
  return formulaOf({ dx: apply('*', nameNode('dy'), derivative(y, 'x')) })
}
