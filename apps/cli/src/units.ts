import { type Activation, type Dataset, type Model, sequential, tensor } from 'nabla'

/** How the hidden units of a trained network do. */
export interface Units {
  /** The share that passes no gradient back for any sample: they will never change again. */
  dead: number
  /** The share of cases in which a unit passes back less than a hundredth of the gradient. */
  saturated: number
}

const samples = 500
const nothing = 1e-6
const little = 0.01

/** Looks at f′(z) of every hidden unit; a channel of a picture counts as one unit. */
export async function lookAtUnits(
  model: Model,
  data: Dataset,
  { name, params, formulas }: Activation,
): Promise<Units | undefined> {
  if (!formulas) return undefined
  const numbers = Object.fromEntries(
    Object.entries(params).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  )
  const known = ['x', 'y', 'dy', ...Object.keys(numbers)]
  if (formulas.backward.names.some(used => !known.includes(used))) return undefined
  const weights = model.weights()
  let [units, dead, cases, saturated] = [0, 0, 0, 0]
  for (const [i, layer] of model.layers.entries()) {
    const own = layer.config['activation'] as { name?: string } | string | undefined
    if (i === model.layers.length - 1 || (typeof own === 'string' ? own : own?.name) !== name) continue
    const probe = sequential([...model.layers.slice(0, i), layer.with({ activation: 'linear' })])
    const names = new Set(probe.weights().map(weight => weight.name))
    probe.setWeights(weights.filter(weight => names.has(weight.name)))
    const z = tensor(await probe.predict(data.take(samples)), { dtype: 'float64' })
    probe.close()
    const y = z.map(formulas.forward.text, numbers)
    const slope = z
      .map(formulas.backward.text, { ...numbers, y, dy: 1 })
      .abs()
      .reshape(-1, z.shape[z.shape.length - 1])
    units += slope.shape[1]
    cases += slope.size
    dead += slope.max({ axis: 0 }).less(nothing).sum().item()
    saturated += slope.less(little).sum().item()
  }
  return units === 0 ? undefined : { dead: dead / units, saturated: saturated / cases }
}
