import type { Io } from '../src/io.ts'

/** An outside world that remembers what was printed and whose Ctrl-C is a call. */
export function capture({ columns }: { columns?: number } = {}): Io & {
  stdout(): string
  stderr(): string
  interrupt(): void
} {
  const printed = { out: '', err: '' }
  let listener: (() => void) | undefined
  return {
    out: text => void (printed.out += text),
    err: text => void (printed.err += text),
    columns: () => columns,
    colors: false,
    onInterrupt(next) {
      listener = next
      return () => {
        listener = undefined
      }
    },
    stdout: () => printed.out,
    stderr: () => printed.err,
    interrupt: () => listener?.(),
  }
}
