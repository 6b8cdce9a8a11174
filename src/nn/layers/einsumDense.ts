import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import { printShape, type Shape, sizeOf } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, pair } from '../layer.ts'
import {
  type ActivationChoice,
  type InitializerChoice,
  resolveActivation,
  resolveInitializer,
  type WeightOptions,
} from '../resolve.ts'

export interface EinsumDenseOptions extends LayerOptions, WeightOptions {
  /** f; 'linear' leaves z as it is. */
  activation?: ActivationChoice
  /** Letters of the output along which there is a bias each; none by default. */
  biasAxes?: string
  /** How W begins. */
  kernelInitializer?: InitializerChoice
  /** How b begins. */
  biasInitializer?: InitializerChoice
}

/**
 * A dense layer over any axes: the letters of the equation say which axes of input and weights are multiplied and summed.
 * @equation y = f(z + b), \quad z = \mathrm{einsum}(x, W)
 * @slope dW = \mathrm{einsum}(x, dz), \quad dx = \mathrm{einsum}(dz, W), \quad dz = dy \odot f^\prime(z)
 * @shape by the equation, whose first letter is the batch in input and output: 'abc,cd->abd'
 * @param equation input, weights and output by a letter an axis; a letter of input and weights that the output lacks is summed over
 * @param outputShape sizes of the output without the batch; null where the input says it
 * @throws ShapeError when the letters do not fit together, or the input does not fit them
 * @example
 * einsumDense('abc,cd->abd', [null, 64], { biasAxes: 'd' })(input([10, 32])) // dense at every step
 */
export const einsumDense = layer(
  'einsumDense',
  ['equation', 'outputShape'],
  (equation: string, outputShape: number | readonly (number | null)[], options: EinsumDenseOptions = {}) => {
    const { activation = 'linear', biasAxes = '' } = options
    const { kernelInitializer = 'glorotUniform', biasInitializer = 'zeros' } = options
    const f = resolveActivation(activation)
    const e = read(equation, biasAxes)
    const asked = [outputShape].flat()
    /** The size of each letter. */
    const sizes = (input: Shape): ReadonlyMap<string, number> => {
      const letters = [...e.x].slice(1)
      const found = new Map(letters.map((letter, i) => [letter, input[i]]))
      const fits = input.length === letters.length && asked.length === e.y.length - 1
      asked.forEach((size, i) => {
        if (size !== null && !found.has(e.y[i + 1])) found.set(e.y[i + 1], size)
      })
      const says = asked.every((size, i) => size === null || found.get(e.y[i + 1]) === size)
      if (fits && says && [...e.y.slice(1), ...e.W].every(letter => (found.get(letter) ?? 0) > 0)) return found
      throw new ShapeError(
        'wrong-shape',
        `einsumDense ${equation} got ${printShape(input)} and ${show(asked)}`.slice(0, 99),
        {
          evidence: [['input', letters.map((letter, i) => `${letter} = ${input[i]}`).join(', ')]],
          hint: 'a sample has an axis for each letter after the first, the output shape too; null takes the size of the input',
        },
      )
    }
    const shape = (letters: Iterable<string>, of: ReadonlyMap<string, number>) =>
      [...letters].map(letter => of.get(letter)!)
    /** A view whose letters are put in groups of axes: batches of the product, rows, columns. */
    const stacked = (v: View, from: string, ...groups: readonly string[]): View => {
      const turned = v.transpose(...[...groups.join('')].map(letter => from.indexOf(letter)))
      let at = 0
      const ends = groups.map(group => sizeOf(turned.shape.slice(at, (at += group.length))))
      return turned.reshape(...(groups[0] === '' ? ends.slice(1) : ends))
    }
    /** out = a·b, its letters in the groups of the product: where they stand otherwise, by way of a room of its own. */
    const product = (k: Verbs, out: View, from: string, groups: readonly string[], a: View, b: View) => {
      const to = stacked(out, from, ...groups)
      if (groups.join('') === from) return k.gemm(to, a, b)
      const room = k.scratch('product', to.shape)
      k.gemm(room, a, b)
      k.copy(to, room)
    }
    /** Letters of both operands that stay: a product for each; of x or W alone; those that are summed over. */
    const { both, left, right, inner } = e
    return pair({
      activated: true,
      shapes(input) {
        const of = sizes(input)
        const y = shape(e.y.slice(1), of)
        const b =
          biasAxes === ''
            ? undefined
            : [...e.y.slice(1)].slice(e.bias).map(letter => (biasAxes.includes(letter) ? of.get(letter)! : 1))
        return { y: f.outputShape(y), params: { W: shape(e.W, of), b }, saved: { z: y } }
      },
      initial: { W: resolveInitializer(kernelInitializer), b: resolveInitializer(biasInitializer) },
      forward(k, { x, W, b, z, y }) {
        const sum = b ? k.scratch('sum', z.shape) : z
        const operands = [stacked(x, e.x, both, left, inner), stacked(W, e.W, both, inner, right)] as const
        product(k, sum, e.y, [both, left, right], ...operands) // z = x·W
        if (b) {
          const wide = k.scratch('wide', z.shape.slice(1))
          k.copy(wide, b)
          k.map(z, 'sum + b', { sum, b: wide })
        }
        f.forward(k, { x: z, y }) // y = f(z)
      },
      backward(k, { x, y, W, z, dx, dy, dW, db, dz }) {
        f.backward(k, { x: z, y, dy, dx: dz }) // dz = dy ⊙ f′(z)
        const slope = stacked(dz, e.y, both, left, right)
        product(k, dW, e.W, [both, inner, right], stacked(x, e.x, both, inner, left), slope) // dW = xᵀ·dz
        product(k, dx, e.x, [both, left, inner], slope, stacked(W, e.W, both, right, inner)) // dx = dz·Wᵀ
        if (db)
          k.sum(
            db,
            dz,
            [...e.y].flatMap((letter, axis) => (biasAxes.includes(letter) ? [] : [axis])),
          )
      },
    })
  },
)

/** The letters of an equation, and the parts they play. */
function read(equation: string, biasAxes: string) {
  const [, x, W, y] = /^([a-z]+),([a-z]+)->([a-z]+)$/i.exec(String(equation).replaceAll(' ', '')) ?? []
  const once = [x, W, y, biasAxes].every(letters => letters !== undefined && new Set(letters).size === letters.length)
  const known = once && [...y].every(letter => x.includes(letter) || W.includes(letter))
  const used = known && [...x].every(letter => W.includes(letter) || y.includes(letter))
  const fits = used && [...W].every(letter => x.includes(letter) || y.includes(letter))
  if (!fits || x[0] !== y[0] || W.includes(x[0]) || [...biasAxes].some(letter => !y.slice(1).includes(letter)))
    throw new ShapeError('bad-option', `einsumDense got the equation ${show(equation)}`.slice(0, 99), {
      evidence: [['biasAxes', show(biasAxes)]],
      hint: "as in 'abc,cd->abd': input, weights, output; the first letter of input and output is the batch",
    })
  const among = (letters: string, test: (letter: string) => boolean) => [...letters].filter(test).join('')
  const first = [...y.slice(1)].findIndex(letter => biasAxes.includes(letter))
  return {
    ...{ x, W, y },
    bias: Math.max(0, first),
    both: among(y, letter => x.includes(letter) && W.includes(letter)),
    left: among(y, letter => !W.includes(letter)),
    right: among(y, letter => !x.includes(letter)),
    inner: among(x, letter => W.includes(letter) && !y.includes(letter)),
  }
}

const show = (value: unknown) => JSON.stringify(value)?.slice(0, 30)
