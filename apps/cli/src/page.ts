import { escapeXml } from 'nabla/plot'
import { classNames } from './data.ts'
import { count, duration, metric, percent } from './format.ts'
import type { Reading } from './reading.ts'
import type { Result } from './report.ts'

/** The report of a run as one page that needs nothing else: no script, no address, light and dark. */
export function reportPage(
  folder: string,
  result: Omit<Result, 'data'> & { data: Pick<Result['data'], 'measure' | 'train'> },
  figures: Readonly<Record<string, string>>,
): string {
  const { model, data, reading, options, past, aborted } = result
  const wrong = reading.misread.length
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeXml(`${options.network}: ${data.measure} accuracy ${percent(reading.accuracy)}`)}</title>
<style>${style}</style>
</head>
<body>
<header>
<p class="name">∇ ${escapeXml(options.network)} <span>${escapeXml(folder)}</span></p>
<h1>${percent(reading.accuracy)}</h1>
<p>${data.measure} accuracy: ${count(wrong)} of ${count(reading.size)} digits misread, loss ${metric(reading.loss)}${
    past.best ? `, from epoch ${past.best.epoch}, the best of ${past.epochs}` : ''
  }</p>
${aborted ? `<p class="note">Stopped after ${past.epochs} of ${options.epochs} epochs.</p>` : ''}
</header>
<main>
<dl>${facts(result)
    .map(([name, value]) => `<div><dt>${escapeXml(name)}</dt><dd>${escapeXml(value)}</dd></div>`)
    .join('')}</dl>
${section('', figure(figures['accuracy']) + figure(figures['loss']), 'pair')}
${section('', figure(figures['confusion']))}
${section('', figure(figures['misread']))}
${section('Digit by digit', classTable(reading))}
${section('The network', `<pre>${escapeXml(model.summary())}</pre>`)}
${section('To repeat it', `<pre>${escapeXml(command(result))}</pre><p>The same seed gives the same weights, bit for bit.</p>`)}
</main>
</body>
</html>
`
}

const figure = (svg = '') => (svg ? `<figure>${svg}</figure>` : '')
const section = (title: string, body: string, kind = '') =>
  body ? `<section>${title && `<h2>${title}</h2>`}<div class="${kind}">${body}</div></section>` : ''

function facts({
  model,
  data,
  reading,
  options,
  past,
}: Parameters<typeof reportPage>[1]): [name: string, value: string][] {
  const last = (name: string) => past.history.history[name]?.at(-1)
  const values: [string, number | undefined, (value: number) => string][] = [
    ['training accuracy', last('accuracy'), percent],
    ['training loss', last('loss'), metric],
    ['epochs', past.epochs, count],
    ['time', past.seconds, duration],
    [
      'images a second',
      past.milliseconds > 0 ? (1000 * past.images) / past.milliseconds : undefined,
      v => count(Math.round(v)),
    ],
    ['parameters', model.parameterCount, count],
    ['images to train on', data.train.size, count],
    [`${data.measure} images`, reading.size, count],
    ['batch', options.batch, count],
    ['seed', options.seed, String],
  ]
  return values.flatMap(([name, value, show]) => (value === undefined ? [] : [[name, show(value)] as [string, string]]))
}

function classTable({ confusion }: Reading): string {
  const rows = confusion.map((row, digit) => {
    const total = row.reduce((sum, n) => sum + n, 0)
    const read = confusion.reduce((sum, other) => sum + other[digit], 0)
    const right = row[digit]
    const others = row.map((n, other) => (other === digit ? 0 : n))
    const most = Math.max(...others)
    const share = (of: number) => (of === 0 ? '–' : percent(right / of))
    const mistaken = most === 0 ? '–' : `${others.indexOf(most)} (${count(most)}×)`
    return [classNames[digit], count(total), count(total - right), share(total), share(read), mistaken]
  })
  const head = ['digit', 'images', 'misread', 'recall', 'precision', 'most often mistaken for']
  const cells = (tag: string, row: readonly string[]) =>
    `<tr>${row.map(cell => `<${tag}>${cell}</${tag}>`).join('')}</tr>`
  return `<table><thead>${cells('th', head)}</thead><tbody>${rows.map(row => cells('td', row)).join('')}</tbody></table>`
}

function command({ options }: Pick<Result, 'options'>): string {
  const { network, data, split, epochs, batch, seed, limit, augment, finalRate } = options
  return [
    `nabla train ${network} --epochs ${epochs} --batch ${batch} --seed ${seed} --data ${data}`,
    ...(split === 'mnist' ? [] : [`--split ${split}`]),
    ...(augment ? [] : ['--no-augment']),
    `--final-rate ${finalRate}`,
    ...(limit === undefined ? [] : [`--limit ${limit}`]),
  ].join(' ')
}

export const style = `
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #fff; --ink: #1f2430; --faint: #69707d; --line: #e3e6eb; --blue: #2563eb }
@media (prefers-color-scheme: dark) {
  :root { --paper: #101216; --card: #1a1a1a; --ink: #e8eaee; --faint: #9aa1ad; --line: #2c3038; --blue: #7aa2ff }
  figure > svg { filter: invert(.898) hue-rotate(180deg) }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 Inter, system-ui, sans-serif }
header, main { max-width: 1080px; margin: 0 auto; padding: 0 24px }
header { padding-top: 40px }
header p { margin: 0; color: var(--faint) }
.name { font-weight: 600; color: var(--blue) }
.name span { font-weight: 400; color: var(--faint); margin-left: 8px; overflow-wrap: anywhere }
.note { color: #ea580c }
h1 { font-size: 64px; line-height: 1.15; letter-spacing: -.03em; margin: 8px 0 0; font-variant-numeric: tabular-nums }
h2 { font-size: 17px; margin: 0 0 12px }
section { margin: 28px 0 }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); margin: 28px 0 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden }
dl div { box-shadow: 0 0 0 .5px var(--line); padding: 12px 16px }
dt { color: var(--faint); font-size: 13px }
dd { margin: 0; font-size: 20px; font-weight: 600; font-variant-numeric: tabular-nums }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 16px }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; text-align: center }
figure > svg { display: block; margin: 0 auto; max-width: 100%; height: auto }
table { width: 100%; border-collapse: collapse; background: var(--card); border: 1px solid var(--line); font-variant-numeric: tabular-nums }
th, td { padding: 8px 14px; text-align: right; border-bottom: 1px solid var(--line) }
th { font-size: 13px; color: var(--faint); font-weight: 500 }
td:first-child { font-weight: 600 }
pre { margin: 0; padding: 16px; overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; font: 13px/1.45 ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace }
@media print { body { background: none } section { break-inside: avoid } }
`
