import { join } from 'node:path'
import { chart, escapeXml } from 'nabla/plot'
import type { CompareOptions } from './compare.ts'
import { writeWhole } from './files.ts'
import { count, metric, percent } from './format.ts'
import { style } from './page.ts'
import { type Row, time } from './rank.ts'
import type { Task } from './task.ts'

export interface Comparison {
  options: CompareOptions
  task: Pick<Task, 'train' | 'heldOut' | 'network' | 'epochs' | 'batch'>
  rows: readonly Row[]
  /** Which to choose and why. */
  text: string
  complete: boolean
}

/** Draw the figures of a comparison and write them, and the page that holds them all. */
export async function writeComparison(folder: string, result: Comparison): Promise<void> {
  const figures = { curves: curves(result.rows), spread: spread(result.rows) }
  for (const [name, svg] of Object.entries(figures)) await writeWhole(join(folder, `${name}.svg`), svg)
  await writeWhole(join(folder, 'report.html'), comparisonPage(folder, result, figures))
}

/** Mean accuracy after each epoch. */
const curves = (rows: readonly Row[]) =>
  chart(
    rows.map(({ name, curve }) => ({ name, x: curve.map((_, epoch) => epoch + 1), y: curve })),
    { title: 'Held-out accuracy', subtitle: 'mean over the seeds', xLabel: 'epoch', height: 440, legend: 'beside' },
  )

/** Every training as a dot. */
const spread = (rows: readonly Row[]) =>
  chart(
    rows.map(({ name, accuracies }, i) => {
      return { name, x: accuracies.map(() => i + 1), y: accuracies, mark: 'dots' as const }
    }),
    {
      title: 'Spread over the seeds',
      subtitle: 'each dot is one training; from the best on the left to the last',
      xDomain: [0.5, rows.length + 0.5],
      legend: 'beside',
      height: 440,
    },
  )

/** The report of a comparison as one page that needs nothing else. */
export function comparisonPage(
  folder: string,
  result: Comparison,
  figures: { curves: string; spread: string },
): string {
  const { options, task, rows, text, complete } = result
  const title = `${rows[0].name} is first of ${rows.length} activations on ${options.data}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeXml(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<p class="name">∇ compare <span>${escapeXml(folder)}</span></p>
<h1>${escapeXml(rows[0].name)}</h1>
<p>${escapeXml(text)}</p>
${complete ? '' : '<p class="note">Stopped before all trainings were done.</p>'}
</header>
<main>
<section>${table(rows)}</section>
<section><div class="pair"><figure>${figures.curves}</figure><figure>${figures.spread}</figure></div></section>
<section><h2>What was done</h2>
<p>The network ${escapeXml(task.network)} was trained on ${count(task.train.size)} samples of ${escapeXml(options.data)}, with each
activation in its hidden layers and from each of ${count(options.seeds)} seeds: the same data, first weights and order of
samples for all. Accuracy is measured on ${count(task.heldOut.size)} other samples after ${count(options.epochs ?? task.epochs)} epochs of
batches of ${count(task.batch)}; ± is the standard deviation over the seeds. A unit is dead when it passes no gradient back for any
sample, saturated while it passes less than a hundredth.</p>
<pre>${escapeXml(command(options))}</pre></section>
</main>
</body>
</html>
`
}

function table(rows: readonly Row[]): string {
  const head = ['activation', 'accuracy', '±', 'loss', 'time', 'dead', 'saturated', 'p against the first']
  const cells = (tag: string, row: readonly string[]) =>
    `<tr>${row.map(cell => `<${tag}>${escapeXml(cell)}</${tag}>`).join('')}</tr>`
  const body = rows.map(({ name, accuracy, spread, loss, seconds, dead, saturated, p }) =>
    cells('td', [
      name,
      percent(accuracy),
      percent(spread),
      loss === undefined ? 'diverged' : metric(loss),
      time(seconds),
      dead === undefined ? '–' : percent(dead, 1),
      saturated === undefined ? '–' : percent(saturated, 1),
      p === undefined ? '–' : p < 1e-4 ? '< 0.0001' : p.toFixed(4),
    ]),
  )
  return `<table><thead>${cells('th', head)}</thead><tbody>${body.join('')}</tbody></table>`
}

const command = ({ data, label, activations, seeds, epochs, limit }: CompareOptions) =>
  [
    `nabla compare --data ${quoted(data)} --activations ${quoted(activations.join(','))} --seeds ${seeds}`,
    ...(label === 'label' ? [] : [`--label ${quoted(label)}`]),
    ...(epochs === undefined ? [] : [`--epochs ${epochs}`]),
    ...(limit === undefined ? [] : [`--limit ${limit}`]),
  ].join(' ')
const quoted = (text: string) => (/^[\w./,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)
