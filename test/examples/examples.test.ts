import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { NdArray } from '../../src/tensor/array.ts'

type Nested = number | string | Nested[]
const seeds = (name: string) => JSON.parse(readFileSync(new URL(`../fixtures/seeds/${name}`, import.meta.url), 'utf8'))
const flat = (values: Nested): number[] =>
  Array.isArray(values) ? values.flatMap(flat) : [values === '-0' ? -0 : Number(values)]

/** The largest |got − wanted| in units of `atol + rtol·|wanted|`: up to 1 it is within the tolerance. */
function off(got: ArrayLike<number>, wanted: Nested, { rtol = 0, atol = 0 }): number {
  const values = flat(wanted)
  expect(got.length).toBe(values.length)
  return Math.max(
    ...values.map((value, i) => (got[i] === value ? 0 : Math.abs(got[i] - value) / (atol + rtol * Math.abs(value)))),
  )
}
const within = (got: NdArray | readonly number[], wanted: Nested, tolerance: { rtol?: number; atol?: number }) =>
  expect(off('data' in got ? got.data : got, wanted, tolerance)).toBeLessThanOrEqual(1)

const ulp32 = 2 ** -23
const runs = mkdtempSync(join(tmpdir(), 'nabla-examples-'))
const printed: string[] = []
beforeAll(() => {
  process.env.NABLA_RUNS = runs
  vi.spyOn(console, 'log').mockImplementation((...words) => {
    printed.push(words.join(' '))
  })
})
afterAll(() => {
  vi.restoreAllMocks()
})
const pictures = (name: string) =>
  readdirSync(join(runs, 'examples', name)).map(file => readFileSync(join(runs, 'examples', name, file), 'utf8'))

test('activations come out as the text prints them', async () => {
  const example = await import('../../examples/activations.ts')
  const wanted = seeds('000/small_examples.json')
  const ulps = { rtol: 1e-15 }
  expect(example.reluByBranch).toEqual(wanted.relu.printed)
  expect(example.reluByMax).toEqual(wanted.relu.printed)
  within(example.relu, wanted.relu.output, {})
  within(example.step, wanted.step.output, {})
  within(example.linear, wanted.linear.output, {})
  within(example.sigmoid, wanted.sigmoid.output, ulps)
  expect(`${example.relu}`).toBe('[0.  2.  0.  3.3 0.  1.1 2.2 0. ]')
  expect(pictures('activations')).toHaveLength(1)
})

test('softmax by hand, sums along axes and the guard come out as the text prints them', async () => {
  const example = await import('../../examples/softmax.ts')
  const wanted = seeds('000/small_examples.json')
  const ulps = { rtol: 1e-15 }
  within(example.exponentials, wanted.softmax_by_hand.exp, ulps)
  within(example.probabilities, wanted.softmax_by_hand.normalised, ulps)
  expect(`${example.exponentials}`).toBe('[121.51041752   3.35348465  10.85906266]')
  expect(`${example.probabilities}`).toBe('[0.89528266 0.02470831 0.08000903]')
  expect(example.total).toBe(0.9999999999999999)
  within(example.sums.all, wanted.axis_sums.sum, {})
  within(example.sums.axis0, wanted.axis_sums.axis0, {})
  within(example.sums.axis1, wanted.axis_sums.axis1, {})
  within(example.sums.keepdims, wanted.axis_sums.axis1_keepdims, {})
  expect(example.sums.keepdims.shape).toEqual([3, 1])
  within(example.rows, wanted.softmax_batch.output, ulps)
  example.shifted.forEach((row, i) => {
    within(row, wanted.softmax_shift_examples[i].output, ulps)
  })
  within(example.guarded, wanted.softmax_overflow.output, ulps)
  expect(Array.from(example.unguarded.data)).toEqual([NaN, NaN, NaN])
})

test('the network 2-3-3 on the spiral gives the digits of the text in float32', async () => {
  const example = await import('../../examples/spiral.ts')
  const wanted = seeds('000/spiral_network.json')
  within(example.X, wanted.X, { rtol: ulp32 })
  within(example.y, wanted.y, {})
  within(example.dense1.weights, wanted.weights1, { rtol: ulp32 })
  within(example.dense2.weights, wanted.weights2, { rtol: ulp32 })
  within(example.z1, wanted.dense1_output, { rtol: 2 * ulp32, atol: 1e-12 })
  within(example.a1, wanted.relu_output, { rtol: 2 * ulp32, atol: 1e-12 })
  within(example.z2, wanted.dense2_output, { rtol: 2 * ulp32, atol: 1e-12 })
  within(example.output, wanted.softmax_output_correctly_rounded_exp, { atol: 6e-8 })
  within(example.output.slice([0, 5]), wanted.printed_in_post_first5, { atol: 1e-7 })
  within(example.output.slice([0, 5]), wanted.printed_in_book_first5, { atol: 1e-7 })
  within([example.loss], wanted.untrained_loss_float32, { rtol: 2 * ulp32 })
  expect(example.accuracy).toBe(wanted.untrained_accuracy)
  expect(pictures('spiral')[0].match(/<circle/g)!.length).toBeGreaterThanOrEqual(300)
})

test('a sine set by hand is the reference curve, and the same network learns a better one', async () => {
  const example = await import('../../examples/sine.ts')
  const wanted = seeds('000/sine_network.json')
  const close = { atol: 1e-12 }
  within(example.x, wanted.x, close)
  within(example.target, wanted.target, close)
  within(example.hidden1, wanted.hidden1_output, close)
  within(example.hidden2, wanted.hidden2_output, close)
  within(example.output, wanted.output, close)
  within([example.largestError, example.rmse], [wanted.max_abs_error, wanted.rmse], close)
  within(example.firstTry, wanted.first_piece_only.output, close)
  example.pairs.forEach(({ w1, b1, w2, b2, output }, i) => {
    const { output: pair, ...numbers } = wanted.neuron_pairs.cases[i]
    expect({ w1, b1, w2, b2 }).toEqual(numbers)
    within(output, pair, close)
  })
  expect(example.trainedRmse).toBeLessThan(wanted.rmse)
  expect(pictures('sine')).toHaveLength(4)
})

describe('the flower', { timeout: 180_000 }, () => {
  const wanted = seeds('001/planar_network.json')
  const load = () => import('../../examples/planar.ts')

  test('starts with the gradients of the reference, and the library has the same', async () => {
    const example = await load()
    within(example.X, wanted.X, { rtol: 1e-14, atol: 1e-14 })
    within(example.Y, wanted.Y, {})
    within(example.first.A2, wanted.A2_initial, { rtol: 1e-12 })
    for (const key of ['W1', 'b1', 'W2', 'b2'] as const) {
      within(example.start[key], wanted.initial_parameters[key], { rtol: 1e-15 })
      within(example.gradients[key], wanted.gradients_iteration_0[key], { rtol: 1e-12, atol: 1e-17 })
    }
    // The library adds one after another, NumPy pairwise: half of the terms of a bias are positive, half negative.
    expect(example.difference).toBeLessThan(1e-15)
  })

  test.each([0.005, 1.2])('costs what the reference costs at learning rate %s', async rate => {
    const example = await load()
    const run = example.runs.find(run => run.rate === rate)!
    const reference = wanted.runs[rate]
    for (const [iteration, cost] of Object.entries<number>(reference.cost_every_1000_before_update)) {
      const range = `${iteration}-${Number(iteration) + 999}`
      const drift = reference.max_cost_drift_by_iteration_range[range]
      const tolerance = Math.max(1e-9, 10 * drift.float64_samples_permuted)
      expect(Math.abs(run.costs[Number(iteration)] - cost)).toBeLessThanOrEqual(tolerance)
    }
    within(Array.from(run.costs.subarray(0, 25)), reference.cost_first_25_iterations, { atol: 1e-9 })
    const drift = Math.max(1e-9, 10 * reference.max_parameter_drift_when_samples_are_permuted)
    for (const key of ['W1', 'b1', 'W2', 'b2'] as const)
      within(run.parameters[key], reference.final_parameters[key], { atol: drift })
    expect(Math.abs(run.accuracy - reference.accuracy)).toBeLessThanOrEqual(rate === 0.005 ? 0 : 0.01)
  })

  test('says why the small rate barely learns, and draws it', async () => {
    const { sameAs, runs } = await load()
    expect(sameAs).toBe(42)
    expect(Math.abs(runs[1].costs[sameAs] - runs[0].costs.at(-1)!)).toBeLessThan(0.01)
    expect(printed.join('\n')).toContain('accuracy 58.50 %')
    expect(pictures('planar')).toHaveLength(4)
  })
})

test('the six curves and their slopes are right on all 200 points', async () => {
  const { curves, atZero, bent } = await import('../../examples/curves.ts')
  const wanted = seeds('002/curves.json')
  const keys = ['tanh', 'sigmoid', 'relu', 'leaky_relu_0.3', 'bent_identity', 'sinusoid']
  const close = { rtol: 4e-15, atol: 1e-16 }
  curves.forEach(({ x, y, dy }, i) => {
    within(x, wanted.curves[keys[i]].x, close)
    within(y, wanted.curves[keys[i]].y, close)
    // 1 - tanh² near 0 keeps two units of tanh's last place, in which engines differ.
    within(dy, wanted.curves[keys[i]].dy, keys[i] === 'tanh' ? { ...close, atol: 2.3e-16 } : close)
    within([atZero[i].y.item(), atZero[i].dy.item()], [wanted.at_zero[keys[i]].y, wanted.at_zero[keys[i]].dy], {})
  })
  within(bent, wanted.bent_identity_bug_example.correct_dy, close)
  const drawn = pictures('curves')
  expect(drawn).toHaveLength(6)
  for (const svg of drawn) {
    expect(svg.match(/<circle/g)!.length).toBe(402) // 200 points of each and the legend
    expect(svg).toMatch(/>\w+ Function<\/text>/)
  }
})

test('the hikes, the neuron, the fixed network and its error are those of the text; trial learns', async () => {
  const example = await import('../../examples/perceptron.ts')
  const wanted = seeds('004/small_examples.json')
  expect(example.hikes).toEqual(
    wanted.perceptron_hiking.all_cases.map((c: { x: number[]; weighted_sum: number; go_hiking: number }) => {
      return { x: c.x, sum: c.weighted_sum, hike: c.go_hiking }
    }),
  )
  expect(example.single).toBe(0.9990889488055994)
  expect(example.hidden).toBe(wanted.our_neural_network.h1)
  expect(example.network).toBe(0.7216325609518421)
  expect(example.error).toBe(0.5)
  expect(example.decide([1, 0, 0], [4, 10, 1])).toBe(0)
  within([example.nearly.mse, example.nearly.crossEntropy], [0.0004, 0.020202707317519466], { rtol: 1e-13 })
  expect(example.climb.every((loss, i) => i === 0 || loss <= example.climb[i - 1])).toBe(true)
  expect(example.climb.at(-1)).toBeLessThan(0.01)
  expect(example.climbed.map(Math.round)).toEqual([1, 0, 0, 1])
})

describe('the network of four people', () => {
  const wanted = seeds('004/trained_network.json').runs_by_seed
  const load = () => import('../../examples/people.ts')

  test.each([0, 1, 2, 3, 42])('has the reference losses of all 1000 epochs with seed %i', async seed => {
    const { initialize, gradients, train } = await load()
    const reference = wanted[seed]
    const start = initialize(seed)
    const names = Object.keys(start) as (keyof typeof start)[]
    const list = (numbers: Record<string, number>) => names.map(name => numbers[name])
    within(list(start), list(reference.initial), { rtol: 1e-15 })
    within(list(gradients(start, [-2, -1], 1)), list(reference.gradients_first_sample), { rtol: 1e-9 })
    const { losses, numbers } = train(seed)
    within(losses, reference.loss_after_each_epoch, { rtol: 1e-9 })
    within(list(numbers), list(reference.final), { rtol: 1e-9 })
  })

  test('has the slopes of the chain rule worked out for weights of 1', async () => {
    const { forward, gradients } = await load()
    const ones = { w1: 1, w2: 1, w3: 1, w4: 1, w5: 1, w6: 1, b1: 0, b2: 0, b3: 0 }
    const { h1, o } = forward(ones, [-2, -1])
    const { w1, w5, b1, b3 } = gradients(ones, [-2, -1], 1)
    within(
      [h1, o, (1 - o) ** 2, w1, w5, b1, b3],
      [
        0.04742587317756678, 0.5236951740839997, 0.22686628719087137, 0.02146953526581111, -0.011269220242958155,
        -0.010734767632905555, -0.23761755952842809,
      ],
      { rtol: 1e-14 },
    )
  })

  test('predicts people never seen, and the library goes the same way', async () => {
    const example = await load()
    const reference = wanted[example.seed]
    within(example.predictions, reference.predictions_training, { rtol: 1e-9 })
    within([example.emily, example.frank], [reference['emily_-7_-3'], reference.frank_20_2], { rtol: 1e-9 })
    within(example.byLibrary, reference.loss_after_each_epoch, { rtol: 1e-9 })
    expect(pictures('people')).toHaveLength(2)
  })
})

test('of ten activation functions all but the linear one part the petals, and tanh best', async () => {
  const { results } = await import('../../examples/comparison.ts')
  const right = Object.fromEntries(Object.entries(results).map(([name, { right }]) => [name, right]))
  expect(Object.keys(right)).toHaveLength(10)
  expect(right.linear).toBeLessThan(0.6)
  for (const name of Object.keys(right).filter(name => name !== 'linear')) expect(right[name]).toBeGreaterThan(0.8)
  expect(right.tanh).toBe(Math.max(...Object.values(right)))
  expect(pictures('comparison')).toHaveLength(1)
})

test('the digit recogniser has the shapes of the text and learns from a few digits', async () => {
  const argv = process.argv
  process.argv = [...argv.slice(0, 2), 'digits', '--limit', '512', '--epochs', '2']
  const example = await import('../../examples/digits.ts')
  process.argv = argv
  const wanted = seeds('003/digit_cnn.json')
  expect(example.model.parameterCount).toBe(345_338)
  expect(example.summary).toContain('345,338')
  expect(wanted).toBeDefined()
  expect(example.history.loss[1]).toBeLessThan(example.history.loss[0])
  expect(pictures('digits')).toHaveLength(3)
})

test('every program of the folder is in the list that run.ts prints', async () => {
  const folder = new URL('../../examples/', import.meta.url)
  const programs = readdirSync(folder).filter(name => name.endsWith('.ts') && !/^(run|picture)\.ts$/.test(name))
  const list = readFileSync(new URL('run.ts', folder), 'utf8')
  expect(programs.filter(name => !list.includes(`'./${name}'`))).toEqual([])
})
