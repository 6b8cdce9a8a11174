import { StateError } from '../errors.ts'

/** Load an optional package, or say how to get it. */
export async function peer<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new StateError('missing-peer', `plot needs the package "${name}", which could not be loaded`, {
      evidence: [['reason', reason]],
      hint: `npm install ${name}`,
    })
  }
}
