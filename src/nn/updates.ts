import { apply, type Formula, formula, formulaOf, name, substitute } from '../formula/index.ts'
import type { Operands, Targets, Verbs } from '../program/index.ts'
import type { View } from '../tensor/view.ts'
import type { Piece } from './optimizer.ts'

// What happens around an optimiser's own step.

/**
 * Verbs for a program of which only every n-th run moves weights and states: t counts these runs, and what lasts from run
 * to run keeps its value in all others.
 */
export function due(k: Verbs, n: number): Verbs {
  const count = formula(`floor((t - 1) / ${n}) + 1`).outputs.get('y')!
  const now = formula(`floor(t / ${n}) * ${n} == t`).outputs.get('y')!
  const counted = (text: Formula | string) => {
    const { outputs } = typeof text === 'string' ? formula(text) : text
    return new Map([...outputs].map(([key, node]) => [key, substitute(node, { t: count })]))
  }
  return {
    ...k,
    map(out: Targets, text: Formula | string, operands: Operands) {
      const outputs = counted(text)
      const targets: Record<string, View> = 'buffer' in out ? { [[...outputs.keys()][0]]: out as View } : { ...out }
      const before: Record<string, View> = {}
      for (const [key, target] of Object.entries(targets)) {
        if (target.buffer.kind !== 'parameter' && target.buffer.kind !== 'state') continue
        before[`${key}_before`] = target
        outputs.set(key, apply('select', now, outputs.get(key)!, name(`${key}_before`)))
      }
      k.map(targets, formulaOf(outputs), { ...operands, ...before })
    },
    reduce: (out, kind, text, operands, axes) => k.reduce(out, kind, formulaOf(counted(text)), operands, axes),
  }
}

/** The mean of this run's gradients and those since the weights last moved. */
export function collected(k: Verbs, g: View, gathered: View, n: number): View {
  k.map(gathered, `(floor((t - 1) / n) * n == t - 1 ? 0 : gathered) + g`, { gathered, g, n })
  const mean = k.scratch('meanGradient', g.shape)
  k.map(mean, 'gathered / n', { gathered, n })
  return mean
}

/** The gradients within the limits they were given: g · c / max(norm, c), or between −c and c. */
export function clipped(k: Verbs, g: View, pieces: readonly Piece[], limits: Readonly<Record<string, number>>): View {
  const { clipnorm, globalClipnorm, clipvalue } = limits
  if (!clipnorm && !globalClipnorm && !clipvalue) return g
  const out = k.scratch('clipped', g.shape)
  if (clipvalue) k.map(out, 'clamp(g, -c, c)', { g, c: clipvalue })
  else if (globalClipnorm) scale(k, out, g, globalClipnorm)
  else for (const piece of pieces) scale(k, piece(out), piece(g), clipnorm)
  return out
}

function scale(k: Verbs, out: View, g: View, c: number) {
  const square = k.scratch('square', [1])
  k.reduce(
    square,
    'sum',
    'g^2',
    { g },
    g.shape.map((_, i) => i),
  )
  k.map(out, 'square > c^2 ? g * (c / sqrt(square)) : g', { g, square: square.reshape(...g.shape.map(() => 1)), c })
}
