import { ShapeError } from '../errors.ts'
import type { Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import { type ActivationMaker, activation } from './activation.ts'

/** y = a ⊙ g(b), where a and b are the halves of an axis: b opens and closes the gate of a. */
function gate(name: string, g: string, slope: string): ActivationMaker<{ axis: number }> {
  return activation(name, {
    width(width) {
      if (width % 2 === 0) return width / 2
      throw new ShapeError('odd-axis', `${name} got an axis of ${width}, expected an even number: two halves`, {
        hint: 'the first half is what passes, the second is its gate',
      })
    },
    forward(k, { x, y }) {
      const [a, b] = halves(seen(k, x))
      k.map(y, `a * (${g})`, { a, b }) // y = a ⊙ g(b)
    },
    backward(k, { x, dy, dx }) {
      const [a, b] = halves(seen(k, x))
      const slopes = isPlain(dx) ? dx : k.scratch('slopes', dx.shape)
      const [da, db] = halves(slopes)
      k.map(da, `dy * (${g})`, { dy, b }) // da = dy ⊙ g(b)
      k.map(db, `dy * a * (${slope})`, { dy, a, b }) // db = dy ⊙ a ⊙ g′(b)
      if (slopes !== dx) k.copy(dx, slopes)
    },
  })
}

/** An axis that joins several dimensions cannot be cut in two without a copy. */
const isPlain = (x: View) => x.axes[x.axes.length - 1].filter(f => f.size > 1).length <= 1

function seen(k: Verbs, x: View): View {
  if (isPlain(x)) return x
  const copy = k.scratch('copy', x.shape)
  k.copy(copy, x)
  return copy
}

function halves(x: View): [View, View] {
  const last = x.shape.length - 1
  const half = x.shape[last] / 2
  return [x.slice(last, 0, half).as(`${x.name}.a`), x.slice(last, half, half).as(`${x.name}.b`)]
}

/**
 * Gated linear unit: y = a·σ(b), a and b the halves of an axis. Dauphin et al. 2017; PyTorch and Keras have this one.
 * @equation y = a \, \sigma(b), \quad x = [a, b]
 * @slope \frac{\partial y}{\partial a} = \sigma(b), \quad \frac{\partial y}{\partial b} = a \, \sigma(b) \, (1 - \sigma(b))
 */
export const glu = gate('glu', 'sigmoid(b)', 'sigmoid(b) * sigmoid(-b)')

/**
 * y = a·gelu(b), a and b the halves of an axis. Shazeer 2020; some codes take the first half as the gate.
 * @equation y = a \, b \, \Phi(b), \quad x = [a, b]
 * @slope \frac{\partial y}{\partial a} = b \, \Phi(b), \quad \frac{\partial y}{\partial b} = a \, (\Phi(b) + b \, \varphi(b))
 */
export const geglu = gate(
  'geglu',
  '0.5 * b * (1 + erf(b * sqrt(0.5)))',
  '0.5 * (1 + erf(b * sqrt(0.5))) + b * exp(-0.5 * b^2) / sqrt(2 * pi)',
)

/**
 * y = a·silu(b), a and b the halves of an axis. Shazeer 2020; some codes take the first half as the gate.
 * @equation y = a \, b \, \sigma(b), \quad x = [a, b]
 * @slope \frac{\partial y}{\partial a} = b \, \sigma(b), \quad \frac{\partial y}{\partial b} = a \, \sigma(b) \, (1 + b \, (1 - \sigma(b)))
 */
export const swiglu = gate('swiglu', 'b * sigmoid(b)', 'sigmoid(b) * (1 + b * sigmoid(-b))')

/**
 * y = a·relu(b), a and b the halves of an axis. Shazeer 2020; some codes take the first half as the gate.
 * @equation y = a \, \max(b, 0), \quad x = [a, b]
 * @slope \frac{\partial y}{\partial a} = \max(b, 0), \quad \frac{\partial y}{\partial b} = a \, [b > 0]
 */
export const reglu = gate('reglu', 'max(b, 0)', 'b > 0 ? 1 : 0')

/**
 * Concatenated ReLU keeps both signs: y = [max(x, 0), max(−x, 0)], an axis twice as long. Shang et al. 2016; TensorFlow's.
 * @equation y = [\max(x, 0), \max(-x, 0)]
 * @slope \frac{\partial y}{\partial x} = \big[[x > 0], -[x < 0]\big]
 */
export const crelu = activation('crelu', {
  width: width => 2 * width,
  forward(k, { x, y }) {
    const [above, below] = halves(y)
    k.map(above, 'max(x, 0)', { x })
    k.map(below, 'max(-x, 0)', { x })
  },
  backward(k, { y, dy, dx }) {
    const [above, below] = halves(y)
    const [da, db] = halves(dy)
    k.map(dx, 'above > 0 ? da : below > 0 ? -db : 0', { above, below, da, db })
  },
  range: [0, Infinity],
})
