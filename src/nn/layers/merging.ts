import { ShapeError } from '../../errors.ts'
import { printShape, type Shape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, type Masks, pair } from '../layer.ts'
import { beside, either } from '../masks.ts'

/**
 * What a merge says of each input: its share of the output, and its slope, with x0, x1, … for the inputs and m0, m1, … for
 * whether their steps count.
 */
interface Merge {
  most?: number
  forward(names: readonly string[]): string
  /** Of dy, y and the inputs. */
  slope(names: readonly string[], i: number): string
}

/** The shape that all broadcast to, as NumPy has it, without the batch axis. */
function joint(who: string, shapes: readonly Shape[]): Shape {
  const length = Math.max(...shapes.map(shape => shape.length))
  return Array.from({ length }, (_, i) => {
    const sizes = shapes.map(shape => shape[i - length + shape.length] ?? 1)
    const size = Math.max(...sizes)
    if (sizes.every(n => n === size || n === 1)) return size
    throw new ShapeError('merge', `${who} got inputs whose shapes do not go together`, {
      evidence: shapes.map((shape, j) => [`input ${j}`, printShape(shape)]),
      hint: 'axes must be equal or 1, counted from the last',
    })
  })
}

/** x with as many axes as y: those that are missing come after the batch. */
const raised = (x: View, y: View) =>
  x.reshape(x.shape[0], ...Array(y.shape.length - x.shape.length).fill(1), ...x.shape.slice(1))

function merging(type: string, { most = Infinity, forward, slope }: Merge) {
  const named = (xs: readonly View[], y: View) => Object.fromEntries(xs.map((x, i) => [`x${i}`, raised(x, y)]))
  const counts = (xs: readonly View[], masks: Masks = []) =>
    Object.fromEntries(xs.map((_, i) => [`m${i}`, masks[i] ? beside(masks[i], xs[i]) : 1]))
  return layer(type, [], (_options: LayerOptions = {}) =>
    pair({
      inputs: [2, most],
      mask: either,
      shapes: (...inputs) => ({ y: joint(type, inputs) }),
      forward(k, { y }, xs, masks) {
        const views = named(xs, y)
        k.map(y, forward(Object.keys(views)), { ...counts(xs, masks), ...views })
      },
      backward(k, { y, dy }, xs, dxs, masks) {
        const views = named(xs, y)
        const given = { ...counts(xs, masks), ...views, y, dy }
        for (const [i, dx] of dxs.entries()) {
          const wide = raised(dx, y)
          const spread = y.shape.flatMap((n, axis) => (wide.shape[axis] === n ? [] : [axis]))
          const formula = slope(Object.keys(views), i)
          if (spread.length === 0) k.map(dx, formula, given)
          else k.reduce(dx, 'sum', formula, given, spread) // what was read several times gets the sum
        }
      },
    }),
  )
}

/** The first of the inputs that is the result gets the slope; a step that does not count is none. */
const winner = (_: readonly string[], i: number) => {
  const won = (j: number) => `(m${j} > 0.5 ? x${j} == y : 0)`
  const before = Array.from({ length: i }, (_, j) => ` && !${won(j)}`)
  return `${won(i)}${before.join('')} ? dy : 0`
}

/** The largest or smallest of the inputs whose step counts, or the first where none does. */
const choice = (choose: 'max' | 'min', never: string) => (names: readonly string[]) => {
  const seen = names.map((name, i) => `(m${i} > 0.5 ? ${name} : ${never})`)
  return `${names.map((_, i) => `m${i}`).join(' + ')} > 0.5 ? ${choose}(${seen.join(', ')}) : ${names[0]}`
}

/**
 * Adds its inputs: y = Σ xᵢ.
 * @equation y = \sum_i x_i
 * @slope dx_i = dy
 * @shape [n], [n], … → [n]; axes of size 1 are stretched
 * @example
 * const [a, b] = [input([8]), input([8])]
 * add()([a, b])
 */
export const add = merging('add', { forward: names => names.join(' + '), slope: () => 'dy' })

/**
 * Takes the second input from the first: y = a − b.
 * @equation y = a - b
 * @slope da = dy, \quad db = -dy
 * @shape [n], [n] → [n]; axes of size 1 are stretched
 * @example
 * const [a, b] = [input([8]), input([8])]
 * subtract()([a, b])
 */
export const subtract = merging('subtract', {
  most: 2,
  forward: ([a, b]) => `${a} - ${b}`,
  slope: (_, i) => (i === 0 ? 'dy' : '-dy'),
})

/**
 * Multiplies its inputs, place by place: y = Π xᵢ.
 * @equation y = \prod_i x_i
 * @slope dx_i = dy \prod_{j \ne i} x_j
 * @shape [n], [n], … → [n]; axes of size 1 are stretched
 * @example
 * const [a, b] = [input([8]), input([8])]
 * multiply()([a, b])
 */
export const multiply = merging('multiply', {
  forward: names => names.join(' * '),
  slope: (names, i) => ['dy', ...names.filter((_, j) => j !== i)].join(' * '),
})

/**
 * The mean of its inputs, place by place: y = Σ xᵢ / n.
 * @equation y = \frac{1}{n} \sum_i x_i
 * @slope dx_i = \frac{dy}{n}
 * @shape [n], [n], … → [n]; axes of size 1 are stretched
 * @example
 * const [a, b] = [input([8]), input([8])]
 * average()([a, b])
 */
export const average = merging('average', {
  forward: names => `(${names.join(' + ')}) / ${names.length}`,
  slope: names => `dy / ${names.length}`,
})

/**
 * y = the largest of the inputs, place by place; of equals the first gets the gradient.
 * @equation y = \max_i x_i
 * @slope dx_i = dy \, [x_i \text{ is the first that is } y]
 * @shape [n], [n], … → [n]; axes of size 1 are stretched
 * @example
 * const [a, b] = [input([8]), input([8])]
 * maximum()([a, b])
 */
export const maximum = merging('maximum', { forward: choice('max', '-inf'), slope: winner })

/**
 * y = the smallest of the inputs, place by place; of equals the first gets the gradient.
 * @equation y = \min_i x_i
 * @slope dx_i = dy \, [x_i \text{ is the first that is } y]
 * @shape [n], [n], … → [n]; axes of size 1 are stretched
 * @example
 * const [a, b] = [input([8]), input([8])]
 * minimum()([a, b])
 */
export const minimum = merging('minimum', { forward: choice('min', 'inf'), slope: winner })
