import type { TrainEvent } from 'nabla'
import pico from 'picocolors'
import { duration, metric, pace } from './format.ts'
import type { Io } from './io.ts'

const barWidth = 20
const redrawEvery = 50
const lineEvery = 10_000

/** What a progress line says. */
export interface Progress {
  step: number
  steps: number
  /** Since the epoch began. */
  seconds: number
  /** Mean of a training step. */
  milliseconds: number
  metrics: Readonly<Record<string, number>>
  /** What is being done when it is not training. */
  doing?: string
  done?: boolean
}

type Paint = Pick<ReturnType<typeof pico.createColors>, 'bold' | 'green' | 'dim'>

/** One line in the manner of Keras, cut to the columns there are. */
export function progressLine(progress: Progress, paint: Paint, columns = Number.POSITIVE_INFINITY): string {
  const { step, steps, seconds, milliseconds, metrics, doing, done } = progress
  const position = `${String(step).padStart(String(steps).length)}/${steps}`
  const left = (milliseconds * (steps - step)) / 1000
  const time = done || doing ? duration(seconds) : `ETA ${duration(left)}`
  const words = [
    `${time} ${pace(milliseconds)}`,
    ...Object.entries(metrics).map(([name, value]) => `${name}: ${metric(value)}`),
    ...(doing ? [doing] : []),
  ]
  const room = columns - position.length - 3
  while (words.length > 1 && words.join(' - ').length + 5 > room) words.splice(-1)
  const rest = words.join(' - ').slice(0, Math.max(0, room))
  const width = Math.max(0, Math.min(barWidth, room - rest.length - 1))
  const filled = Math.round((width * step) / Math.max(1, steps))
  return `${paint.bold(position)} ${paint.green('━'.repeat(filled))}${paint.dim('━'.repeat(width - filled))} ${rest}`
}

/** Show training events: a bar that redraws itself on a terminal, a few lines in a file. */
export function progress(io: Io, now: () => number = () => performance.now()): (event: TrainEvent) => void {
  const paint = pico.createColors(io.colors)
  let epochs = 0
  let epoch = -1
  let started = 0
  let drawn = Number.NEGATIVE_INFINITY
  let spent = 0
  let current: Progress = { step: 0, steps: 0, seconds: 0, milliseconds: 0, metrics: {} }
  let open = false

  const begin = (next: number) => {
    epoch = next
    started = drawn = now()
    spent = 0
    if (io.columns() !== undefined) {
      io.err(`Epoch ${epoch + 1}/${epochs}\n`)
      drawn = Number.NEGATIVE_INFINITY
    }
  }
  const draw = (last: boolean) => {
    const columns = io.columns()
    const time = now()
    if (!last && time - drawn < (columns === undefined ? lineEvery : redrawEvery)) return
    drawn = time
    const line = { ...current, seconds: (time - started) / 1000, done: last }
    if (columns === undefined) io.err(`Epoch ${epoch + 1}/${epochs} ${progressLine(line, plain).replace(/━+ /, '')}\n`)
    else io.err(`\r${progressLine(line, paint, columns)}\x1b[K${last ? '\n' : ''}`)
    open = !last && columns !== undefined
  }

  return event => {
    if (event.type === 'begin') epochs = event.epochs
    else if (event.type === 'step') {
      if (event.epoch !== epoch) begin(event.epoch)
      if (event.step === 1) started = now() - event.milliseconds
      spent += event.milliseconds
      const { step, steps, metrics } = event
      current = { step, steps, seconds: 0, milliseconds: spent / step, metrics }
      draw(false)
    } else if (event.type === 'validation') {
      current = { ...current, doing: `validating ${event.step}/${event.steps}` }
      draw(false)
    } else if (event.type === 'epoch') {
      current = { ...current, doing: undefined, metrics: event.metrics }
      draw(true)
    } else if (open) {
      io.err('\n')
      open = false
    }
  }
}

const plain: Paint = { bold: String, green: String, dim: String }
