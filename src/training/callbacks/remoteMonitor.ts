import { nothingElse } from '../../errors.ts'
import type { Callback } from '../event.ts'

export interface RemoteMonitorOptions {
  /** The server, for example `http://localhost:9000`. */
  root?: string
  /** Where it takes numbers. */
  path?: string
  /** The field of the form that holds the JSON. */
  field?: string
  /** Sent along, for example who asks. */
  headers?: Readonly<Record<string, string>>
  /** Sends the JSON itself instead of a form. */
  sendAsJson?: boolean
  /** Is told of a server that does not answer; the training goes on. */
  onError?(error: unknown): void
}

/**
 * Sends the numbers of each epoch to a server: `{ "epoch": 0, "loss": 0.3, … }` by POST.
 * @example
 * await model.fit(data, { callbacks: [remoteMonitor({ root: 'http://localhost:9000', sendAsJson: true })] })
 */
export function remoteMonitor(options: RemoteMonitorOptions = {}): Callback {
  const { root = 'http://localhost:9000', path = '/publish/epoch/end/', field = 'data', ...rest } = options
  const { headers = {}, sendAsJson = false, onError = () => {}, ...others } = rest
  nothingElse('remoteMonitor', others, { root, path, field, headers, sendAsJson, onError })
  return async event => {
    if (event.type !== 'epoch') return
    const json = JSON.stringify({ epoch: event.epoch, ...event.metrics })
    const body = sendAsJson ? json : new URLSearchParams({ [field]: json })
    const type: Record<string, string> = sendAsJson ? { 'content-type': 'application/json' } : {}
    try {
      await fetch(root + path, { method: 'POST', body, headers: { ...type, ...headers } })
    } catch (error) {
      onError(error)
    }
  }
}
