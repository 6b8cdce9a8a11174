import type { InitializerMaker } from '../../src/nn/initializer.ts'
import * as initializers from '../../src/nn/initializers.ts'
import { chart } from '../../src/plot/index.ts'
import { numpyRandom } from '../../src/tensor/random.ts'
import { blocks, code, type Kind, lesson, settings, sources, written } from './page.ts'

/** What is drawn for, and its shape: a dense layer but for those that want a window. */
const DENSE = ['a dense layer of 64 inputs and 32 units', [64, 32]] as const
const WINDOWS: Readonly<Record<string, readonly [string, readonly number[]]>> = {
  dirac: ['a window of 3 by 3 on 8 channels with 8 filters', [3, 3, 8, 8]],
  stft: ['a window of 32 on 1 channel with 17 filters', [32, 1, 17]],
}

/** Of whose weights it speaks, and the shape of these. */
export const drawnFor = (name: string) => WINDOWS[name] ?? DENSE

const makers: Readonly<Record<string, InitializerMaker>> = initializers

export const kind: Kind = {
  kind: 'initializers',
  title: 'Initializers',
  about:
    'How weights begin. fanIn is how many inputs a unit has, fanOut how many units an input feeds; for a convolution both count the places of the window too. Each is an entry of `initializers` and a name for the options `kernelInitializer` and `biasInitializer` of a layer.',
  known: initializers,
  file: 'nn/initializers.ts',
  page(name, words, definition) {
    const make = makers[name]
    const made = make()
    const [owner, shape] = drawnFor(name)
    const layer = ['dense(16', 'conv1d(17, 32', 'conv2d(8, 3'][shape.length - 2]
    const values = Array.from(made.draw(shape, numpyRandom(0)))
    const mean = values.reduce((a, b) => a + b) / values.length
    const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length)
    const number = (value: number) => String(Number(value.toPrecision(3))).replace('-', '−')
    return {
      picture: histogram(name, owner, values),
      markdown: blocks(
        `# ${name}`,
        words.text,
        ...written(words),
        `![histogram of ${name}](${name}.svg)`,
        `${values.length} numbers for ${owner}: mean ${number(mean)}, standard deviation ${number(deviation)}, from ${number(Math.min(...values))} to ${number(Math.max(...values))}.`,
        settings(made.params),
        code(words.tags.example?.[0] ?? `${layer}, { kernelInitializer: '${name}' })`),
        ...sources(words),
        '## The definition',
        lesson(definition),
      ),
    }
  },
}

/** How many numbers fall into each of forty bins, as a line with steps. */
function histogram(name: string, owner: string, values: readonly number[]): string {
  const widest = Math.max(...values.map(Math.abs)) || 1
  const bins = 41
  const counts = Array(bins).fill(0)
  for (const value of values) counts[Math.min(bins - 1, Math.floor(((value / widest + 1) / 2) * bins))]++
  const edge = (i: number) => ((2 * i) / bins - 1) * widest
  const x = counts.flatMap((_, i) => [edge(i), edge(i + 1)])
  const y = counts.flatMap(n => [n, n])
  return chart([{ name: 'numbers', x, y }], {
    title: `${name}: what it draws for ${owner}`,
    xLabel: 'w',
    yDomain: [0, 1.08 * Math.max(...counts)],
  })
}
