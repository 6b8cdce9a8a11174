import * as losses from '../../src/nn/losses.ts'
import type { MetricMaker } from '../../src/nn/metric.ts'
import * as metrics from '../../src/nn/metrics.ts'
import { blocks, code, type Kind, lesson, settings, sources, written } from './page.ts'

const makers: Readonly<Record<string, MetricMaker>> = metrics

export const kind: Kind = {
  kind: 'metrics',
  title: 'Metrics',
  about:
    'Numbers for people: how good predictions are. A batch leaves sums, so that the number of an epoch is the one of all its samples, however they were divided. Each is an entry of `metrics` and a name for the option `metrics` of `compile`.',
  known: metrics,
  file: 'nn/metrics.ts',
  page(name, words, definition) {
    const made = makers[name]()
    const of = /losses\.(\w+)/.exec(definition.code)?.[1]
    return {
      markdown: blocks(
        `# ${name}`,
        words.text,
        ...written(words),
        of && of in losses && `The mean of the loss [${of}](../losses/${of}.md) over all samples.`,
        settings(made.params),
        code(words.tags.example?.[0] ?? `model.compile({ loss: 'meanSquaredError', metrics: [metrics.${name}()] })`),
        ...sources(words),
        '## The definition',
        lesson(definition),
      ),
    }
  },
}
