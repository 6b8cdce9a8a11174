import type { View } from '../../tensor/view.ts'
import type { Activation } from '../activation.ts'
import type { Initializer } from '../initializer.ts'
import { type LayerOptions, passed, whole } from '../layer.ts'
import {
  type ActivationChoice,
  type ConstraintChoice,
  type InitializerChoice,
  type RegularizerChoice,
  resolveActivation,
  resolveInitializer,
  type WeightOptions,
} from '../resolve.ts'
import { spatial } from '../window.ts'
import { at } from './gates.ts'
import { type RecurrentDropoutOptions, recurrentDropout } from './recurrentDropout.ts'

export interface RecurrentOptions extends LayerOptions, WeightOptions, RecurrentDropoutOptions {
  /** What the candidates and the output go through. */
  activation?: ActivationChoice
  /** Whether b is added. */
  useBias?: boolean
  /** Whether each step gives an output, or only the last one. */
  returnSequences?: boolean
  /** Reads the sequence from its end; outputs of steps come in the order of reading, as in Keras. */
  goBackwards?: boolean
  /** How W begins. */
  kernelInitializer?: InitializerChoice
  /** How U begins. */
  recurrentInitializer?: InitializerChoice
  /** How b begins. */
  biasInitializer?: InitializerChoice
  /** A penalty on U that joins the loss. */
  recurrentRegularizer?: RegularizerChoice
  /** Where U is put back to after each step. */
  recurrentConstraint?: ConstraintChoice
}

export interface GatedOptions extends RecurrentOptions {
  /** The activation of the gates. */
  recurrentActivation?: ActivationChoice
}

/** What the recurrent layers share: checked settings, and how they look at input and output. */
export function recurrence(
  who: string,
  units: number,
  gates: number,
  options: GatedOptions,
  biasInitial?: (b: Initializer) => Initializer,
) {
  const { returnSequences = false, goBackwards = false, useBias = true } = options
  whole(who, 'units', units)
  const b = resolveInitializer(options.biasInitializer ?? 'zeros')
  const to = (t: number) => (goBackwards ? t : t + 1)
  return {
    useBias,
    dropping: recurrentDropout(who, gates, units, options),
    f: resolveActivation(options.activation ?? 'tanh') as Activation,
    /** Of the gates, where there are any. */
    get s() {
      return resolveActivation(options.recurrentActivation ?? 'sigmoid') as Activation
    },
    initial: {
      W: resolveInitializer(options.kernelInitializer ?? 'glorotUniform'),
      U: resolveInitializer(options.recurrentInitializer ?? 'orthogonal'),
      b: biasInitial ? biasInitial(b) : b,
    },
    /** Steps and features of an input, and the shape of the output. */
    shape(input: readonly number[]) {
      spatial(who, input, 1)
      const [steps, features] = input
      return { steps, features, y: returnSequences ? [steps, units] : [units] }
    },
    /** 1 where step t counts; where it does not, the states stay as they are. */
    counts: (mask: View | undefined, t: number): View | number => (mask ? mask.slice(1, t, 1) : 1),
    mask: returnSequences ? passed : undefined,
    /** The times of a sequence in the order of reading. */
    times: (steps: number) => Array.from({ length: steps }, (_, n) => (goBackwards ? steps - 1 - n : n)),
    // States are kept in the order of time too, with the zeros before the first step: [batch, steps + 1, units].
    /** The place of the state that step t starts from, and of the one it leaves. */
    from: (t: number) => (goBackwards ? t + 1 : t),
    to,
    /** What each step started from. */
    before: (h: View) => h.slice(1, goBackwards ? 1 : 0, h.shape[1] - 1),
    /** What of the states is the output: that of the last step, or of each in the order of reading. */
    output(h: View) {
      const steps = h.shape[1] - 1
      if (!returnSequences) return at(h, to(goBackwards ? 0 : steps - 1))
      return goBackwards ? h.slice(1, 0, steps).flip(1) : h.slice(1, 1, steps)
    },
    /** What the output hands back to the state after step t. */
    handed(dy: View, t: number, steps: number) {
      const n = goBackwards ? steps - 1 - t : t
      return returnSequences ? at(dy, n) : n === steps - 1 ? dy : 0
    },
  }
}
