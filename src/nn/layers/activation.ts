import type { Activation } from '../activation.ts'
import { type LayerOptions, layer, pair, passed } from '../layer.ts'
import { type ActivationChoice, resolveActivation } from '../resolve.ts'

/** y = f(x), as a layer of its own. */
export const activationPair = (f: Activation) =>
  pair({
    mask: passed,
    activated: true,
    shapes: input => ({ y: f.outputShape(input) }),
    forward: f.forward, // y = f(x)
    backward: f.backward, // dx = dy ⊙ f′(x)
  })

/**
 * An activation as a layer of its own.
 * @equation y = f(x)
 * @slope dx = dy \odot f^\prime(x)
 * @shape any → the same
 * @param activation a name, a formula of x, or what a maker gives
 * @example
 * activation('tanh')
 */
export const activation = layer('activation', ['activation'], (f: ActivationChoice, _options: LayerOptions = {}) =>
  activationPair(resolveActivation(f)),
)
