import type { LossMaker } from '../../src/nn/loss.ts'
import * as losses from '../../src/nn/losses.ts'
import type { MetricMaker } from '../../src/nn/metric.ts'
import * as metrics from '../../src/nn/metrics.ts'
import { equation } from './losses.ts'
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
    return {
      about,
      markdown: blocks(
        `# ${name}`,
        about,
        ...written(words),
        ...(of && Object.hasOwn(losses, of) ? equation(lossMakers[of]()) : []),
        of && `The mean of the loss [${of}](../losses/${of}.md) over all samples.`,
        settings(made.params),
        fenced(words.tags.example?.[0] ?? `model.compile({ loss: 'meanSquaredError', metrics: [metrics.${name}()] })`),
        ...sources(words),
        '## The definition',
        lesson(statement),
      ),
    }
  },
}
