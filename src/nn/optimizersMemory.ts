import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import { optimizer } from './optimizer.ts'

const pairs = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

/**
 * Newton's step with what the last historySize steps s and changes of the gradient y tell of the curvature. Nocedal 1980;
 * PyTorch's LBFGS with max_iter 1 and no line search: one step a batch, so let a batch be all the data. Keras has none.
 * @equation \begin{aligned} s_i &= w_{i+1} - w_i, \quad y_i = g_{i+1} - g_i, \quad \rho_i = \frac{1}{y_i^\top s_i} \\ w &\leftarrow w - \eta \, H g, \quad H_{i+1} = (I - \rho_i s_i y_i^\top) H_i (I - \rho_i y_i s_i^\top) + \rho_i s_i s_i^\top \end{aligned}
 */
export const lbfgs = optimizer(
  'lbfgs',
  {
    params: { learningRate: 1, historySize: 10, toleranceGrad: 1e-7, toleranceChange: 1e-9 },
    together: true,
    step(k, { w, g, p, before, ...kept }, { historySize, toleranceGrad, toleranceChange }) {
      const all = pairs(historySize)
      const one = (name: string) => k.scratch(name, [1])
      remember(k, kept, { g, p, before }, historySize)

      // r = s·y of each pair, 0 where there is none yet; h = y·y of the newest
      const r = Object.fromEntries(all.map(i => [`r${i}`, one(`r${i}`)]))
      const h = one('h')
      k.reduce({ ...r, h }, 'sum', `${all.map(i => `r${i} = s${i} * y${i};`).join(' ')} h = y1^2`, kept, [0])

      // From the newest pair to the oldest, and back: d = −H·g
      let d = k.scratch('d', g.shape)
      const next = (text: string, operands: Record<string, View>) => {
        const room = k.scratch('d', g.shape)
        k.map(room, text, { d, ...operands })
        d = room
      }
      k.map(d, '-g', { g })
      const a = all.map(i => {
        const [s, y, along] = [kept[`s${i}`], kept[`y${i}`], one(`a${i}`)]
        k.reduce(along, 'sum', 's * d', { s, d }, [0])
        next('r > 0 ? d - a / r * y : d', { a: along, r: r[`r${i}`], y })
        return along
      })
      next('h > 0 ? d * (r / h) : d', { h, r: r.r1 })
      for (const i of all.toReversed()) {
        const [s, y, along] = [kept[`s${i}`], kept[`y${i}`], one(`b${i}`)]
        k.reduce(along, 'sum', 'y * d', { y, d }, [0])
        next('r > 0 ? d + s * ((a - b) / r) : d', { a: a[i - 1], b: along, r: r[`r${i}`], s })
      }

      const [down, size, most] = ['down', 'size', 'most'].map(one)
      k.reduce({ down, size }, 'sum', 'down = g * d; size = abs(g)', { g, d }, [0])
      k.reduce(most, 'max', 'abs(g)', { g }, [0])
      k.map(
        { p, w, before },
        `let rate = t == 1 ? min(1, 1 / size) * learningRate : learningRate;
         p = most > toleranceGrad && down <= -toleranceChange ? rate * d : 0;
         w = w + p;
         before = g`,
        { w, g, d, down, size, most, toleranceGrad, toleranceChange },
      )
    },
  },
  ({ historySize }) => ({
    state: ['p', 'before', ...['s', 'y'].flatMap(name => pairs(historySize).map(i => `${name}${i}`))],
  }),
)

/** Lets the newest pair in and the oldest go, where the step went along the change of the gradient. */
function remember(
  k: Verbs,
  kept: Readonly<Record<string, View>>,
  { g, p, before }: Record<'g' | 'p' | 'before', View>,
  size: number,
) {
  const along = k.scratch('along', [1])
  k.reduce(along, 'sum', 'p * (g - before)', { p, g, before }, [0])
  // The oldest first: a name that was given a value means the new one from then on.
  const moves = pairs(size)
    .toReversed()
    .map(i => (i > 1 ? `s${i} = on ? s${i - 1} : s${i}; y${i} = on ? y${i - 1} : y${i};` : ''))
  const text = `let on = t > 1 && along > 1e-10; ${moves.join(' ')} s1 = on ? p : s1; y1 = on ? g - before : y1`
  k.map(kept, text, { ...kept, along, p, g, before })
}
