import type { ScheduleMaker } from '../../src/nn/schedule.ts'
import * as schedules from '../../src/nn/schedules.ts'
import { chart } from '../../src/plot/index.ts'
import { grid } from './numbers.ts'
import { aligned, blocks, code, type Kind, lesson, off, settings, sources, spelt } from './page.ts'

const makers: Readonly<Record<string, ScheduleMaker>> = schedules

export const kind: Kind = {
  kind: 'schedules',
  title: 'Schedules',
  about:
    'Learning rates that change with the steps, each a formula of the step, counted from 0. Each is an entry of `schedules` and may stand where an optimiser takes a `learningRate`.',
  known: schedules,
  file: 'nn/schedules.ts',
  page(name, words, definition) {
    const made = makers[name]()
    const counts = Object.entries(made.params).filter(([key]) => /steps|step(size)|boundaries|milestones/i.test(key))
    const longest = Math.max(...counts.flatMap(([, value]) => [value].flat() as number[]))
    const x = grid(0, longest > 0 ? 3 * longest : 1000, 181).map(Math.round)
    const inLine = x[180] <= 30 ? x.filter((step, i) => step !== x[i - 1]) : x
    const settled = Object.fromEntries(
      Object.entries(made.params).filter(([, value]) => typeof value === 'number' || typeof value === 'boolean'),
    )
    return {
      picture: chart([{ name: 'rate', x: inLine, y: inLine.map(made.at), mark: x[180] <= 30 ? 'dots' : 'line' }], {
        title: `${name}: the rate over the steps`,
        xLabel: 'step',
      }),
      markdown: blocks(
        `# ${name}`,
        words.text,
        aligned(spelt(made.formula.text, { left: '\\eta', baked: off(settled) })),
        `![${name}](${name}.svg)`,
        settings(made.params),
        code(words.tags.example?.[0] ?? `optimizers.adam({ learningRate: schedules.${name}() })`),
        ...sources(words),
        '## The definition',
        lesson(definition),
      ),
    }
  },
}
