import pico from 'picocolors'
import { describe, expect, test } from 'vitest'
import { duration, metric, pace } from '../src/format.ts'
import { progress, progressLine } from '../src/progress.ts'
import { waiting } from '../src/waiting.ts'
import { capture } from './capture.ts'

const plain = pico.createColors(false)

test.each([
  [0.12345, '0.1235'],
  [0.0010001, '0.0010'],
  [0.001, '1.0000e-03'],
  [-0.00012, '-1.2000e-04'],
  [0, '0.0000'],
  [1, '1.0000'],
  [Number.NaN, 'NaN'],
])('the metric %s is printed as %s', (value, text) => expect(metric(value)).toBe(text))

test.each([
  [0.2, '0s'],
  [59.4, '59s'],
  [59.6, '1:00'],
  [62, '1:02'],
  [3605, '1:00:05'],
])('%s seconds are printed as %s', (seconds, text) => expect(duration(seconds)).toBe(text))

test.each([
  [2100, '2.1s/step'],
  [21.4, '21ms/step'],
  [0.21, '210us/step'],
])('%s ms a step are printed as %s', (milliseconds, text) => expect(pace(milliseconds)).toBe(text))

describe('a progress line', () => {
  const metrics = { loss: 0.1234, accuracy: 0.9876 }

  test('shows the step, twenty marks, the time left and the means', () => {
    expect(progressLine({ step: 274, steps: 548, seconds: 6, milliseconds: 21, metrics }, plain)).toBe(
      '274/548 ━━━━━━━━━━━━━━━━━━━━ ETA 6s 21ms/step - loss: 0.1234 - accuracy: 0.9876',
    )
  })

  test('shows the time taken when the epoch is done', () => {
    const line = progressLine({ step: 548, steps: 548, seconds: 12, milliseconds: 21, metrics, done: true }, plain)
    expect(line).toContain('━ 12s 21ms/step - loss')
  })

  test('paints what is done green', () => {
    const line = progressLine({ step: 5, steps: 20, seconds: 1, milliseconds: 9, metrics }, pico.createColors(true))
    expect(line).toContain('\x1b[1m 5/20\x1b[22m \x1b[32m━━━━━\x1b[39m')
  })

  test('what is waited for never wraps either, however long its path', async () => {
    const io = capture({ columns: 20 })
    await waiting(io, `reading ${'long/'.repeat(40)}`, () => new Promise(done => setTimeout(done, 750)))
    expect(io.stderr()).toBe('reading long/long/l\r\x1b[K')
  })

  test.each([200, 80, 60, 40, 20, 12])('never wraps on a terminal of %i columns', columns => {
    const long = { ...metrics, val_loss: 0.1, val_accuracy: 0.99 }
    const line = progressLine({ step: 1, steps: 99, seconds: 1, milliseconds: 9, metrics: long }, plain, columns)
    expect(line.length).toBeLessThan(columns)
  })
})

describe('progress', () => {
  const events = (show: ReturnType<typeof progress>, tick: () => void) => {
    show({
      type: 'begin',
      epochs: 2,
      initialEpoch: 0,
      steps: 4,
      batchSize: 8,
      samples: 32,
      validationSamples: 8,
      seed: 1,
      parameters: 9,
    })
    for (const epoch of [0, 1]) {
      for (let step = 1; step <= 4; step++) {
        tick()
        show({ type: 'step', epoch, step, steps: 4, size: 8, metrics: { loss: 1 / step }, milliseconds: 100 })
      }
      tick()
      show({ type: 'validation', epoch, step: 1, steps: 1 })
      show({ type: 'epoch', epoch, metrics: { loss: 0.25, val_loss: 0.2 }, seconds: 0.4 })
    }
    show({ type: 'end', epochs: 2, reason: 'complete', seconds: 0.8 })
  }

  test('is a redrawn bar on a terminal', () => {
    let time = 0
    const io = capture({ columns: 100 })
    events(
      progress(io, () => time),
      () => (time += 100),
    )
    expect(io.stderr()).toContain('Epoch 1/2\n\r1/4 ━')
    expect(io.stderr()).toContain('validating 1/1')
    expect(io.stderr().split('\n')).toHaveLength(5)
    expect(io.stderr()).toContain(`4/4 ${'━'.repeat(20)} 1s 100ms/step - loss: 0.2500 - val_loss: 0.2000\x1b[K\n`)
  })

  test('is redrawn at most every 50 ms', () => {
    let time = 0
    const io = capture({ columns: 100 })
    events(
      progress(io, () => time),
      () => (time += 10),
    )
    expect(io.stderr().split('\r').length).toBeLessThan(8)
  })

  test('is one line an epoch in a file', () => {
    let time = 0
    const io = capture()
    events(
      progress(io, () => time),
      () => (time += 100),
    )
    expect(io.stderr()).toBe(
      [1, 2].map(epoch => `Epoch ${epoch}/2 4/4 1s 100ms/step - loss: 0.2500 - val_loss: 0.2000\n`).join(''),
    )
  })

  test('has a line every ten seconds in a file', () => {
    let time = 0
    const io = capture()
    events(
      progress(io, () => time),
      () => (time += 6000),
    )
    expect(io.stderr()).toContain('Epoch 1/2 3/4 ')
    expect(io.stderr()).not.toContain('Epoch 1/2 2/4 ')
  })
})
