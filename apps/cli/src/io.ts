/** The world outside a command, so that a test can stand in for it. */
export interface Io {
  out(text: string): void
  err(text: string): void
  /** Columns of the terminal behind `err`; undefined when it is a file or a pipe. */
  columns(): number | undefined
  readonly colors: boolean
  /** Call `listener` at the first Ctrl-C; the second one ends the process. Returns what takes the listener away. */
  onInterrupt(listener: () => void): () => void
}

export function terminal(): Io {
  process.stdout.on('error', error => process.exit((error as NodeJS.ErrnoException).code === 'EPIPE' ? 0 : 1))
  return {
    out: text => void process.stdout.write(text),
    err: text => void process.stderr.write(text),
    columns: () => (process.stderr.isTTY ? process.stderr.columns || 80 : undefined),
    colors: !process.env['NO_COLOR'] && (process.stderr.isTTY || Boolean(process.env['FORCE_COLOR'])),
    onInterrupt(listener) {
      const signals = ['SIGINT', 'SIGTERM'] as const
      const off = () => {
        for (const signal of signals) process.off(signal, once)
      }
      const once = () => {
        off()
        listener()
      }
      for (const signal of signals) process.on(signal, once)
      return off
    },
  }
}
