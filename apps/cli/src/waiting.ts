import type { Io } from './io.ts'

/** What takes longer than this says so, in milliseconds. */
const patience = 700

/** Do work; on a terminal say what is being done when it takes a while, and take that away at the end. */
export async function waiting<T>(io: Io, what: string, work: () => Promise<T>): Promise<T> {
  const columns = io.columns()
  if (columns === undefined) return work()
  let said = false
  const timer = setTimeout(() => {
    said = true
    io.err(`${what} …`.slice(0, columns - 1)) // what is wrapped cannot be taken away
  }, patience)
  try {
    return await work()
  } finally {
    clearTimeout(timer)
    if (said) io.err('\r\x1b[K')
  }
}
