import { type Call, choice, must, type Operator, type Operators } from '../call.ts'
import type { Tensor } from '../tensors.ts'
import { zip } from '../tensors.ts'

/** One step for each of several weights: inputs are R, T, then all weights, all gradients, and each kind of state. */
const stepper =
  (
    states: number,
    make: (c: Call, rate: number, step: number) => (x: Tensor, g: Tensor, s: readonly Tensor[]) => Tensor[],
  ): Operator =>
  ([rate, step, ...rest], c) => {
    const n = rest.length / (2 + states)
    must(Number.isInteger(n) && n > 0, 'an optimiser got lists of different lengths')
    const move = make(c, rate.data[0], step.data[0])
    const lists = Array.from({ length: 2 + states }, (_, k) => rest.slice(k * n, (k + 1) * n))
    const moved = lists[0].map((x, i) =>
      move(
        x,
        lists[1][i],
        lists.slice(2).map(list => list[i]),
      ),
    )
    return Array.from({ length: 1 + states }, (_, k) => moved.map(row => row[k])).flat()
  }

const add = (a: Tensor, b: Tensor, factor: number) => zip([a, b], (x, y) => x + factor * y, 'float64')
const typed = (x: Tensor, list: readonly Tensor[]) => list.map(t => zip([t], v => v, x.type))

export const optimizers: Operators = {
  Adagrad: stepper(1, (c, rate, step) => {
    const [norm, epsilon, decay] = [
      c.float('norm_coefficient', 0),
      c.float('epsilon', 1e-6),
      c.float('decay_factor', 0),
    ]
    const r = rate / (1 + step * decay)
    return (x, gradient, [h]) => {
      const g = add(gradient, x, norm)
      const squares = zip([h, g], (s, v) => s + v * v, 'float64')
      const change = zip([g, squares], (v, s) => v / (Math.sqrt(s) + epsilon), 'float64')
      return typed(x, [add(x, change, -r), squares])
    }
  }),
  Adam: stepper(2, (c, rate, step) => {
    const [alpha, beta, epsilon] = [c.float('alpha', 0.9), c.float('beta', 0.999), c.float('epsilon', 1e-6)]
    const [norm, post] = [c.float('norm_coefficient', 0), c.float('norm_coefficient_post', 0)]
    const r = step > 0 ? (rate * Math.sqrt(1 - beta ** step)) / (1 - alpha ** step) : rate
    return (x, gradient, [v, h]) => {
      const g = add(gradient, x, norm)
      const mean = zip([v, g], (m, d) => alpha * m + (1 - alpha) * d, 'float64')
      const squares = zip([h, g], (s, d) => beta * s + (1 - beta) * d * d, 'float64')
      const change = zip([mean, squares], (m, s) => m / (Math.sqrt(s) + epsilon), 'float64')
      return typed(x, [zip([add(x, change, -r)], w => (1 - post) * w), mean, squares])
    }
  }),
  Momentum: stepper(1, (c, rate, step) => {
    const [alpha, beta, norm] = [c.float('alpha'), c.float('beta'), c.float('norm_coefficient')]
    const nesterov = choice('Momentum mode', c.text('mode'), ['standard', 'nesterov']) === 'nesterov'
    return (x, gradient, [v]) => {
      const g = add(gradient, x, norm)
      const next = zip([v, g], (m, d) => alpha * m + (step > 0 ? beta : 1) * d, 'float64')
      return typed(x, [add(x, nesterov ? add(g, next, alpha) : next, -rate), next])
    }
  }),
}
