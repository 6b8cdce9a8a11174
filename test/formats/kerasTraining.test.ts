/**
 * The entry nabla/keras is all that is imported here.
 *
 * KERAS_FOLDER=/tmp/training writes what the library trains on, for Keras to train on:
 *
 *     KERAS_BACKEND=jax python scripts/keras_training.py /tmp/training
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Model } from 'nabla'
import { loadKeras, toKeras, toKerasH5 } from 'nabla/keras'
import { describe, expect, test } from 'vitest'

const folder = 'test/fixtures/keras/training'
const { x, y, weights, losses } = JSON.parse(readFileSync(`${folder}/answers.json`, 'utf8')) as {
  x: number[]
  y: number[]
  weights: Record<string, number[]>
  losses: Record<string, number>
}
const load = (source: string | Uint8Array) => loadKeras(source, { warn: message => expect.fail(message) })
const flat = (model: Model) => model.weights().flatMap(({ data }) => Array.from(data))

/** A step after what was loaded ends where Keras's own step did. */
async function goesOn(model: Model, name: string) {
  const [loss] = await model.run('train', 6, x, y)
  expect(loss).toBeCloseTo(losses[name], 5)
  const found = flat(model)
  expect(found).toHaveLength(weights[name].length)
  for (const [i, value] of weights[name].entries()) expect(Math.abs(found[i] - value)).toBeLessThan(2e-5)
}

const out = process.env['KERAS_FOLDER']
const answers: Record<string, object> = {}

describe.each(Object.keys(weights))('a training with %s', name => {
  test('goes on from a .keras file', async () => {
    const model = await load(`${folder}/${name}.keras`)
    expect(model.step).toBe(3)
    await goesOn(model, name)
  })

  test.each([
    ['.keras', toKeras],
    ['.h5', toKerasH5],
  ] as const)('goes to %s and back, and on', async (_, write) => {
    const warn = { warn: (message: string) => expect.fail(message) }
    const model = await load(`${folder}/${name}.keras`)
    const again = await load(await write(model, warn))
    expect(again.step).toBe(3)
    expect(again.learningRate).toBeCloseTo(model.learningRate, 7)
    expect(again.optimizerState()).toEqual(model.optimizerState())
    expect(again.training!.optimizer.toJSON()).toEqual(model.training!.optimizer.toJSON())
    expect(again.training!.goals[0].metrics.map(metric => metric.name)).toEqual(['accuracy', 'auc'])
    await goesOn(again, name)
  })

  test.runIf(out)('is written for Keras', async () => {
    mkdirSync(out!, { recursive: true })
    const model = await load(`${folder}/${name}.keras`)
    for (let step = 0; step < 3; step++) await model.run('train', 6, x, y)
    writeFileSync(`${out}/${name}.keras`, await toKeras(model))
    writeFileSync(`${out}/${name}.h5`, await toKerasH5(model))
    const [loss] = await model.run('train', 6, x, y)
    answers[name] = { x, y, loss, weights: flat(model) }
    writeFileSync(`${out}/answers.json`, JSON.stringify(answers))
  })
})

test.each(['adam', 'rmsprop_all', 'schedule'])('a training with %s goes on from a .h5 file', async name => {
  await goesOn(await load(`${folder}/${name}.h5`), name)
})
