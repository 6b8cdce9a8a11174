import { reference } from '../../src/backends/reference/index.ts'
import { common, type Optimizer, type OptimizerMaker } from '../../src/nn/optimizer.ts'
import * as optimizers from '../../src/nn/optimizers.ts'
import { chart, type Series } from '../../src/plot/index.ts'
import { record } from '../../src/program/index.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'
import { grid } from './numbers.ts'
import { aligned, blocks, code, type Kind, lesson, settings, sources, spelt, written } from './page.ts'

const STEPS = 60
const START = [-4.2, 1.6]
/** A valley ten times as steep across as along. */
const STEEP = 10
const height = ([x, y]: readonly number[]) => (x * x + STEEP * y * y) / 2
const slope = ([x, y]: readonly number[]) => [x, STEEP * y]

const makers: Readonly<Record<string, OptimizerMaker>> = optimizers

export const kind: Kind = {
  kind: 'optimizers',
  title: 'Optimizers',
  about:
    'How weights w move, given their gradients g, at the step t = 1, 2, … with the learning rate η. Each is an entry of `optimizers` and a name for the option `optimizer` of `compile`. The pictures show the way down a valley ten times as steep across as along, each at the rate that comes nearest to the bottom in sixty steps.',
  known: optimizers,
  file: 'nn/optimizers.ts',
  page(name, words, definition) {
    const make = makers[name]
    const made = make()
    const own = Object.fromEntries(
      Object.entries(made.params).filter(
        ([key, value]) => !(key in common) || (common as Record<string, unknown>)[key] !== value,
      ),
    )
    const { step } = made.toJSON() as { step?: string }
    return {
      picture: valley(name, make),
      markdown: blocks(
        `# ${name}`,
        words.text,
        step ? aligned(spelt(step, { sign: '\\leftarrow', baked: switches(own) })) : written(words).join('\n\n'),
        made.state.length > 0 &&
          `State of each weight: ${made.state.map(key => `\`${key}\``).join(', ')}, zero at first.`,
        `![the way of ${name} down a valley](${name}.svg)`,
        settings(own),
        `Every optimiser also has ${Object.keys(common)
          .map(key => `\`${key}\``)
          .join(', ')}; \`learningRate\` may be a [schedule](../schedules/README.md).`,
        code(words.tags.example?.[0] ?? `model.compile({ optimizer: optimizers.${name}(), loss: 'meanSquaredError' })`),
        ...sources(words),
        '## The definition',
        lesson(definition),
      ),
    }
  },
}

/** What is told by yes or no, as the default has it. */
const switches = (params: object) =>
  Object.fromEntries(Object.entries(params).filter(([, value]) => typeof value === 'boolean'))

/** The way of two weights from the start, a point a step. */
function walk(made: Optimizer, learningRate: number): number[][] {
  const buffer = (name: string): Buffer => ({ name, shape: [2], kind: 'state' })
  const [w, g] = [buffer('w'), buffer('g')]
  const program = record('step', ['t', 'learningRate', 'seed'], k => {
    const slots = Object.fromEntries(made.state.map(key => [key, viewOf(buffer(key))]))
    made.update(k, { ...slots, w: viewOf(w), g: viewOf(g) }, [flat => flat])
  })
  const engine = reference.engine({})
  const { run } = engine.compile(program)
  engine.write(w, START)
  const way = [START]
  for (let t = 1; t <= STEPS; t++) {
    engine.write(g, slope(way[t - 1]))
    run({ t, learningRate, seed: 0 })
    way.push(Array.from(engine.read(w)))
  }
  return way
}

const RATES = [1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]

/** The rate among 0.001, 0.003, … 100 whose way is nearest to the bottom on average over its last steps. */
function best(make: OptimizerMaker): { rate: number; way: number[][] } {
  const tried = RATES.map(rate => {
    const way = walk(make({ learningRate: rate }), rate)
    const late = way.slice(-10).map(height)
    const mean = late.reduce((a, b) => a + b) / late.length
    return { rate, way, mean: Number.isFinite(mean) ? mean : Infinity }
  })
  return tried.reduce((a, b) => (b.mean < a.mean ? b : a))
}

function valley(name: string, make: OptimizerMaker): string {
  const angles = grid(0, 2 * Math.PI, 49)
  const rings = [0.3, 1.5, 4, 8, 13.5, 20].map(
    (level): Series => ({
      name: '',
      x: angles.map(a => Math.sqrt(2 * level) * Math.cos(a)),
      y: angles.map(a => Math.sqrt((2 * level) / STEEP) * Math.sin(a)),
      color: '#dfe3e9',
    }),
  )
  const { rate, way } = best(make)
  const [x, y] = [0, 1].map(i => way.map(point => point[i]))
  return chart(
    [
      ...rings,
      { name: 'bottom', x: [0], y: [0], mark: 'dots', color: '#ea580c' },
      { name: 'way', x, y, color: '#2563eb' },
      { name: 'steps', x, y, mark: 'dots', color: '#2563eb' },
    ],
    {
      title: `${name} in a valley`,
      subtitle: `${STEPS} steps at the rate ${rate}, the best of ${RATES[0]}, ${RATES[1]}, … ${RATES[RATES.length - 1]}`,
      xDomain: [-6, 6],
      yDomain: [-2.2, 2.2],
      legend: false,
    },
  )
}
