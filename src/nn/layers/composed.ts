import { StateError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import type { Shape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { activityPenalty } from '../activity.ts'
import { type Output, place, reached, type Source } from '../call.ts'
import { memory, present } from '../derived.ts'
import type { Initializer } from '../initializer.ts'
import type { Masks, Pair } from '../layer.ts'
import { backward, forward, rests, type Step, type Trace } from '../walk.ts'
import { input } from './input.ts'
import { type AnyShapes, prefixed } from './wrapper.ts'

/** One call within a block; the arrays of its layer have names in the block that begin with `prefix`: `dense.` */
interface Part extends Omit<Step, 'parameters' | 'state'> {
  readonly prefix: string
  readonly shapes: AnyShapes
}

type Views = Readonly<Record<string, View>>

/**
 * A pair that is made of other layers, called on each other as in a graph; to the outside it is one layer, whose arrays
 * carry the names of those inside: `dense.W`. A layer called twice has them once.
 * @param build from the inputs of the block to its output
 * @param count how many inputs, where the function does not tell
 * @throws StateError when the block reads an input of its own
 * @example
 * const residual = layer('residual', ['units'], (units: number, _: LayerOptions = {}) =>
 *   composed(x => add()(x, dense(units, { activation: 'tanh' })(x))))
 */
export function composed(build: (...xs: Output[]) => Source, count = Math.max(1, build.length)): Pair {
  const made = new Map<string, readonly Part[]>()
  let current: readonly Part[] = []
  const traces = memory<readonly Trace[]>()
  const partsFor = (shapes: readonly Shape[]): readonly Part[] => {
    const key = JSON.stringify(shapes)
    if (!made.has(key)) made.set(key, lay(build, shapes))
    current = made.get(key)!
    return current
  }
  const owners = () => current.filter(({ owner }, i) => owner === i)
  /** The parts with their arrays, as the block was given them. */
  const stepsOf = (views: Views, xs: readonly View[]): Step[] =>
    partsFor(xs.map(x => x.shape.slice(1))).map((part): Step => {
      const held = (shapes: AnyShapes['params']) =>
        present(shapes).map(([key, shape]) => {
          const name = part.prefix + key
          return { key, name, shape, view: views[name], gradient: views[`d${name}`] }
        })
      const resting = rests(part.layer)
      return { ...part, parameters: held(part.shapes.params), state: held(part.shapes.state), resting }
    })
  const run = (k: Verbs, views: Views, xs: readonly View[], masks: Masks | undefined, training: boolean) => {
    const done = forward(k, stepsOf(views, xs), xs, { training, masks, to: views.y })
    for (const [name, part, key] of penaltiesOf(current)) k.copy(views[name], done[part].views[key])
    traces.keep(views.y, done)
  }
  return {
    inputs: [count, count],
    shapes(...shapes) {
      const parts = partsFor(shapes)
      const all = (kind: 'params' | 'state') =>
        Object.assign({}, ...owners().map(({ prefix, shapes }) => prefixed(prefix, shapes[kind])))
      const shared = Object.fromEntries(penaltiesOf(parts).map(([name]) => [name, [1]]))
      return { y: parts[parts.length - 1].shape, params: all('params'), state: all('state'), shared }
    },
    get initial() {
      return Object.assign({}, ...owners().map(({ prefix, layer: { pair } }) => prefixed(prefix, initialOf(pair))))
    },
    get within() {
      return Object.fromEntries(owners().map(({ prefix, layer }) => [prefix, layer]))
    },
    forward: (k, views, xs, masks) => run(k, views, xs, masks, true),
    infer: (k, views, xs, masks) => run(k, views, xs, masks, false),
    backward(k, views, xs, dxs) {
      const steps = stepsOf(views, xs)
      const begin = (dy: View) => k.copy(dy, views.dy)
      const found = backward(k, steps, [steps.length - 1], xs, traces.of(views.y), begin)
      for (const [i, dx] of dxs.entries()) {
        const slope = found[i]
        if (slope) k.copy(dx, slope)
        else k.map(dx, '0', {})
      }
    },
    mask: (_k, { y }) => traces.of(y).at(-1)!.mask,
  }
}

/** The penalties on what parts give: the name in the block, the part, the name there. */
const penaltiesOf = (parts: readonly Part[]) =>
  parts.flatMap(({ number, shapes }, i) =>
    present(shapes.shared)
      .filter(([key]) => key.endsWith(activityPenalty))
      .map(([key]) => [`${number}_${i}_${key}`, i, key] as const),
  )

const initialOf = (pair: Step['layer']['pair']) =>
  'initial' in pair ? (pair.initial as Readonly<Record<string, Initializer>>) : {}

/** The calls between inputs of these shapes and the output, in their order. */
function lay(build: (...xs: Output[]) => Source, shapes: readonly Shape[]): Part[] {
  const starts = shapes.map(shape => place(input(shape), 'a block'))
  const calls = reached([place(build(...starts), 'a block')]).filter(call => !starts.includes(call))
  const names = new Map<string, number>()
  return calls.map(({ layer, inputs, shape }, i): Part => {
    if (layer.type === 'input')
      throw new StateError('bad-block', 'a block reads an input of its own', {
        hint: 'what a block reads comes as an argument: composed((a, b) => …)',
      })
    const owner = calls.findIndex(call => call.layer === layer)
    const base = (layer.config.name as string) ?? layer.type
    const again = names.get(base) ?? 0
    if (owner === i) names.set(base, again + 1)
    const name = `${base}${again > 0 ? again : ''}`
    const inputShapes = inputs.map(call => call.shape)
    const [first, ...others] = inputShapes
    return {
      layer,
      number: `_${name}`,
      prefix: `${name}.`,
      inputs: inputs.map(call => (starts.includes(call) ? -1 - starts.indexOf(call) : calls.indexOf(call))),
      inputShapes,
      shape,
      owner,
      shapes: layer.pair.shapes(first, ...others) as unknown as AnyShapes,
    }
  })
}
