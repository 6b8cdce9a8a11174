import type { Callback } from '../event.ts'

const width = 20

/**
 * Prints a line for each epoch, as Keras does: `12/12 ━━━━━━━━━━━━━━━━━━━━ 0s 2ms/step - loss: 0.3`. The command `nabla train`
 * draws one that moves.
 * @param print is given each line; by default the console's
 * @example
 * await model.fit(data, { epochs: 10, callbacks: [progbarLogger()] })
 */
export function progbarLogger(print: (line: string) => void = line => console.log(line)): Callback {
  let epochs = 0
  let steps = 0
  return event => {
    if (event.type === 'begin') ({ epochs, steps } = event)
    if (event.type !== 'epoch') return
    const pace = Math.round((event.seconds * 1000) / Math.max(steps, 1))
    const numbers = Object.entries(event.metrics).map(([name, value]) => ` - ${name}: ${Number(value.toPrecision(4))}`)
    print(`Epoch ${event.epoch + 1}/${epochs}`)
    print(`${steps}/${steps} ${'━'.repeat(width)} ${Math.round(event.seconds)}s ${pace}ms/step${numbers.join('')}`)
  }
}
