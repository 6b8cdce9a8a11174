import { StateError } from '../errors.ts'

/**
 * Says that a package is missing: `import('name').catch(missing('name'))`. By the `.catch` bundlers know that one may do
 * without it.
 */
export const missing = (name: string) => (cause: unknown) => {
  const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
  throw new StateError('missing-peer', `plot needs the package "${name}", which could not be loaded`, {
    evidence: [['reason', reason]],
    hint: `npm install ${name}`,
  })
}
