import { fraction, type LayerOptions, layer, pair, passed } from '../layer.ts'

/**
 * Silences a share of its inputs at random while training, and lets the others speak louder to keep the mean:
 * y = u < rate ? 0 : x / (1 − rate), u uniform in [0, 1). Outside training it does nothing.
 * @equation y = \frac{m \, x}{1 - \mathit{rate}}, \quad m = [u \ge \mathit{rate}], \quad u \sim U(0, 1)
 * @slope dx = \frac{m \, dy}{1 - \mathit{rate}}
 * @shape any → the same
 * @param rate the share that is silenced, in [0, 1)
 * @paper Srivastava et al. 2014, scaled while training (inverted dropout)
 * @example
 * dropout(0.3)
 */
export const dropout = layer('dropout', ['rate'], (rate: number, _options: LayerOptions = {}) => {
  fraction('dropout', 'rate', rate)
  return pair({
    mask: passed,
    shapes: input => ({ y: input, random: { u: input } }),
    forward(k, { x, y, u }) {
      k.map(y, 'u < rate ? 0 : x / (1 - rate)', { x, u, rate })
    },
    backward(k, { dx, dy, u }) {
      k.map(dx, 'u < rate ? 0 : dy / (1 - rate)', { dy, u, rate }) // the same u: computed again, not stored
    },
    infer(k, { x, y }) {
      k.copy(y, x)
    },
  })
})
