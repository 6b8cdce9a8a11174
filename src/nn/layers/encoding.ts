import { ShapeError } from '../../errors.ts'
import type { Verbs } from '../../program/index.ts'
import { printShape, type Shape } from '../../tensor/shape.ts'
import type { View } from '../../tensor/view.ts'
import { type LayerOptions, layer, pair, whole } from '../layer.ts'

/** What numbers of classes become: themselves, a row of zeros with a one each, or one row for a sample. */
type Output = 'int' | 'oneHot' | 'multiHot' | 'count'

export interface CategoryEncodingOptions extends LayerOptions {
  /** 'oneHot': a row for each number; 'multiHot' (default): a one for each that occurs; 'count': how often it does. */
  outputMode?: Exclude<Output, 'int'>
}

export interface DiscretizationOptions extends LayerOptions {
  /** 'int' (default): the number of the bin; the others as in categoryEncoding. */
  outputMode?: Output
}

/** The shape of what `count` classes are written as, for an input of numbers. */
function encoded(who: string, input: Shape, count: number, mode: Output): Shape {
  if (mode === 'int') return input
  if (mode === 'oneHot') return [...(input.at(-1) === 1 ? input.slice(0, -1) : input), count]
  if (input.length === 1) return [count]
  throw new ShapeError('wrong-rank', `${who} got ${printShape(input)}, expected one axis for '${mode}'`, {
    hint: "give each sample a list of numbers, or choose outputMode: 'oneHot'",
  })
}

/** y = the numbers c written in a mode. */
function encode(k: Verbs, y: View, c: View, mode: Output): void {
  if (mode === 'int') return k.copy(y, c)
  const j = k.index(y.shape[y.shape.length - 1])
  if (mode === 'oneHot') {
    const column = y.shape.with(-1, 1)
    return k.map(y, 'c == j', { c: c.reshape(...column), j })
  }
  k.reduce(y, mode === 'count' ? 'sum' : 'max', 'c == j', { c: c.reshape(...c.shape, 1), j }, [1])
}

const checkMode = (who: string, mode: unknown, modes: readonly string[]) => {
  if (modes.includes(mode as string)) return
  throw new ShapeError('bad-option', `${who} got outputMode ${String(mode).slice(0, 24)}`, {
    hint: `outputMode is one of ${modes.join(', ')}`,
  })
}

/**
 * Numbers of classes as zeros and ones: a first layer for categories.
 * @equation y_j = \max_i \, [x_i = j], \quad \text{or } \sum_i \, [x_i = j], \quad \text{or } y_{i,j} = [x_i = j]
 * @slope dx = 0
 * @shape [numbers] → [numTokens], or [numbers, numTokens] for 'oneHot'; numbers outside of 0 … numTokens − 1 give zeros
 * @param numTokens how many classes
 * @throws ShapeError when a sample has several axes, but not for 'oneHot'
 * @example
 * categoryEncoding(4, { outputMode: 'oneHot' })(input([3]))
 */
export const categoryEncoding = layer(
  'categoryEncoding',
  ['numTokens'],
  (numTokens: number, { outputMode = 'multiHot' }: CategoryEncodingOptions = {}) => {
    whole('categoryEncoding', 'numTokens', numTokens)
    checkMode('categoryEncoding', outputMode, ['oneHot', 'multiHot', 'count'])
    return pair({
      shapes: input => ({ y: encoded('categoryEncoding', input, numTokens, outputMode) }),
      forward: (k, { x, y }) => encode(k, y, x, outputMode),
      backward: (k, { dx }) => k.map(dx, '0', {}),
    })
  },
)

/**
 * Numbers as the numbers of the bins that they fall into: a first layer for what is not linear in a quantity.
 * @equation y = \sum_b \, [x \ge \mathrm{boundary}_b]
 * @slope dx = 0
 * @shape any → the same, or as categoryEncoding for the other modes
 * @param binBoundaries ascending; n of them make n + 1 bins, a boundary belonging to the bin above it
 * @throws ShapeError when the boundaries do not ascend
 * @example
 * discretization([0, 1, 2])(input([5])) // below 0, 0 to 1, 1 to 2, from 2 on
 */
export const discretization = layer(
  'discretization',
  ['binBoundaries'],
  (binBoundaries: readonly number[], { outputMode = 'int' }: DiscretizationOptions = {}) => {
    checkMode('discretization', outputMode, ['int', 'oneHot', 'multiHot', 'count'])
    const list = Array.isArray(binBoundaries) ? binBoundaries : []
    if (
      list.length === 0 ||
      list.length > 10_000 ||
      !list.every((b, i) => Number.isFinite(b) && (i === 0 || b > list[i - 1]))
    )
      throw new ShapeError(
        'bad-option',
        `discretization got boundaries ${JSON.stringify(binBoundaries)?.slice(0, 30)}`,
        {
          hint: 'give numbers that ascend: [0, 1, 2]',
        },
      )
    const bins = list.length + 1
    return pair({
      shapes: input => ({
        y: encoded('discretization', input, bins, outputMode),
        state: { boundaries: [list.length] },
      }),
      initial: {
        boundaries: {
          ...{ name: 'boundaries', params: {}, toJSON: () => 'zeros' },
          draw: () => Float64Array.from(list),
        },
      },
      forward(k, { x, y, boundaries }) {
        const bin = outputMode === 'int' ? y : k.scratch('bin', x.shape)
        k.reduce(bin, 'sum', 'x >= b', { x: x.reshape(...x.shape, 1), b: boundaries }, [x.shape.length])
        if (outputMode !== 'int') encode(k, y, bin, outputMode)
      },
      backward: (k, { dx }) => k.map(dx, '0', {}),
    })
  },
)
