import { type LayerOptions, layer, pair, passed } from '../layer.ts'

/**
 * Passes on what it gets: a place with a name.
 * @equation y = x
 * @slope dx = dy
 * @shape any → the same
 * @example
 * identity({ name: 'features' })
 */
export const identity = layer('identity', [], (_options: LayerOptions = {}) =>
  pair({
    shapes: input => ({ y: input }),
    mask: passed,
    forward: (k, { x, y }) => k.copy(y, x),
    backward: (k, { dx, dy }) => k.copy(dx, dy),
  }),
)
