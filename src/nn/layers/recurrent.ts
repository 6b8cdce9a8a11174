import type { View } from '../../tensor/view.ts'
import type { Activation } from '../activation.ts'
import type { Initializer } from '../initializer.ts'
import { type LayerOptions, whole } from '../layer.ts'
import { type ActivationChoice, type InitializerChoice, resolveActivation, resolveInitializer } from '../resolve.ts'
import { spatial } from '../window.ts'

export interface RecurrentOptions extends LayerOptions {
  activation?: ActivationChoice
  useBias?: boolean
  /** Whether each step gives an output, or only the last one. */
  returnSequences?: boolean
  /** Reads the sequence from its end; outputs of steps come in the order of reading, as in Keras. */
  goBackwards?: boolean
  kernelInitializer?: InitializerChoice
  recurrentInitializer?: InitializerChoice
  biasInitializer?: InitializerChoice
}

export interface GatedOptions extends RecurrentOptions {
  /** The activation of the gates. */
  recurrentActivation?: ActivationChoice
}

/** Element t of a sequence [batch, steps, …]. */
export const at = (v: View, t: number): View => v.slice(1, t, 1).reshape(v.shape[0], ...v.shape.slice(2))

/** The part of gate g in [batch, gates·units] or [gates·units]. */
export const gate = (v: View, g: number, units: number): View => v.slice(v.shape.length - 1, g * units, units)

/** Steps 0 … T−1 of states that were kept from before the first step on: what each step started from. */
export const before = (states: View): View => states.slice(1, 0, states.shape[1] - 1)

/** What each step left: states 1 … T. */
export const after = (states: View): View => states.slice(1, 1, states.shape[1] - 1)

/** What the recurrent layers share: checked settings, and how they look at input and output. */
export function recurrence(
  who: string,
  units: number,
  options: GatedOptions,
  biasInitial?: (b: Initializer) => Initializer,
) {
  const { returnSequences = false, goBackwards = false, useBias = true } = options
  whole(who, 'units', units)
  const b = resolveInitializer(options.biasInitializer ?? 'zeros')
  return {
    useBias,
    f: resolveActivation(options.activation ?? 'tanh') as Activation,
    s: resolveActivation(options.recurrentActivation ?? 'sigmoid') as Activation,
    initial: {
      W: resolveInitializer(options.kernelInitializer ?? 'glorotUniform'),
      U: resolveInitializer(options.recurrentInitializer ?? 'glorotUniform'),
      b: biasInitial ? biasInitial(b) : b,
    },
    /** Steps and features of an input, and the shape of the output. */
    shape(input: readonly number[]) {
      spatial(who, input, 1)
      const [steps, features] = input
      return { steps, features, y: returnSequences ? [steps, units] : [units] }
    },
    /** The input in the order in which it is read. */
    read: (x: View) => (goBackwards ? x.flip(1) : x),
    /** What of the states [batch, 1 + steps, units] is the output. */
    output: (h: View) => (returnSequences ? after(h) : at(h, h.shape[1] - 1)),
    /** What the output hands back to the state after step t. */
    handed: (dy: View, t: number, steps: number) => (returnSequences ? at(dy, t) : t === steps - 1 ? dy : 0),
  }
}
