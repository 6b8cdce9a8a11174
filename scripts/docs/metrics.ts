import type { LossMaker } from '../../src/nn/loss.ts'
import * as losses from '../../src/nn/losses.ts'
import type { MetricMaker } from '../../src/nn/metric.ts'
import * as metrics from '../../src/nn/metrics.ts'
import { chart } from '../../src/plot/index.ts'
import { numpyRandom } from '../../src/tensor/random.ts'
import { equation } from './losses.ts'
import { grid, paper } from './numbers.ts'
import { blocks, code as fenced, type Kind, lesson, settings, sources, written } from './page.ts'
import { definition } from './source.ts'

const lossMakers: Readonly<Record<string, LossMaker>> = losses
const makers: Readonly<Record<string, MetricMaker>> = metrics

export const kind: Kind = {
  kind: 'metrics',
  title: 'Metrics',
  about:
    'Numbers for people: how good predictions are. A batch leaves sums, so that the number of an epoch is the one of all its samples, however they were divided. Each is an entry of `metrics` and a name for the option `metrics` of `compile`.',
  known: metrics,
  file: 'nn/metrics.ts',
  page(name, words, statement) {
    const made = makers[name]()
    const { code } = statement
    const of = /losses\.(\w+)/.exec(code)?.[1]
    const about = words.text || (of ? definition('nn/losses.ts', of).words.text : '')
    const picture = fading(name)
    return {
      about,
      picture,
      markdown: blocks(
        `# ${name}`,
        about,
        ...written(words),
        ...(of && Object.hasOwn(losses, of) ? equation(lossMakers[of]()) : []),
        of && `The mean of the loss [${of}](../losses/${of}.md) over all samples.`,
        picture && `![${name} while predictions fade into noise](${name}.svg)`,
        settings(made.params),
        fenced(words.tags.example?.[0] ?? `model.compile({ loss: 'meanSquaredError', metrics: [metrics.${name}()] })`),
        ...sources(words),
        '## The definition',
        lesson(statement),
      ),
    }
  },
}

const ROWS = 60
const noise = Array.from(numpyRandom(3).uniform(0, 1, 12 * ROWS))
const classes = (n: number) => Array.from(numpyRandom(4).randint(0, n, ROWS))
const hot = (n: number) => classes(n).flatMap(c => Array.from({ length: n }, (_, j) => Number(j === c)))
const either = classes(3).map(c => Number(c === 0))

/** What is right, what a target is, and its shape: one output, a row, numbers of classes, many classes, never 0. */
const WAYS: readonly (readonly [right: readonly number[], targets: readonly number[], shape: readonly number[]])[] = [
  [either, either, [ROWS, 1]],
  [hot(3), hot(3), [ROWS, 3]],
  [hot(3), classes(3), [ROWS]],
  [hot(12), hot(12), [ROWS, 12]],
  [either.map(t => t + 1), either.map(t => t + 1), [ROWS, 1]],
]

/** Predictions that are the targets, then more and more of them noise. */
function fading(name: string): string | undefined {
  const x = grid(0, 1, 41)
  for (const [right, targets, shape] of WAYS) {
    const at = (share: number) => right.map((t, i) => (1 - share) * t + share * noise[i])
    const y = attempt(() => x.map(share => measured(name, at(share), targets, shape)))
    if (!y || new Set(y).size < 4) continue
    const title = `${name} while predictions fade into noise`
    return chart([{ name, x, y }], { title, xLabel: 'share of noise', xDomain: [0, 1] })
  }
  return undefined
}

function attempt(values: () => number[]): number[] | undefined {
  try {
    const found = values()
    return found.every(value => Math.abs(value) < 1e5) ? found : undefined
  } catch {
    // It does not take such shapes.
    return undefined
  }
}

function measured(name: string, p: readonly number[], t: readonly number[], shape: readonly number[]): number {
  const made = makers[name]()
  const { k, array, read } = paper()
  const width = p.length / ROWS
  const out = array('out', [made.size([width], shape.slice(1))])
  made.measure(k, { p: array('p', [ROWS, width], p), t: array('t', shape, t), out })
  return made.value(read(out), ROWS)
}
