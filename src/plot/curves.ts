import { DataError, nothingElse } from '../errors.ts'
import { missing } from './peer.ts'
import { blue, drawing, faint, ink, text } from './svg.ts'

/** What `fit` returns: the epochs, and one list a metric. */
export interface Curves {
  readonly epoch: readonly number[]
  readonly history: Readonly<Record<string, readonly number[]>>
}

/**
 * Draw how a metric went, epoch by epoch: training as dots, validation as a line. Of thousands of epochs, the highest and
 * the lowest value of each stretch that is a pixel wide are drawn.
 *
 * @param curves what `fit` returned
 * @param metric a key of `curves.history`; its validation is `val_` + metric and may be missing
 * @returns a standalone SVG
 * @throws DataError if the metric was not recorded
 * @example
 * const svg = await curves(await model.fit(data, { epochs: 4 }), 'accuracy')
 */
export async function curves(
  curves: Curves,
  metric = 'accuracy',
  { width = 640, height = 400, ...others }: { width?: number; height?: number } = {},
): Promise<string> {
  nothingElse('curves', others, { width, height })
  const training = thinned(points(curves, metric), width)
  const validation = thinned(points(curves, `val_${metric}`), width)
  if (training.length + validation.length === 0)
    throw new DataError('unknown-metric', `curves got no values of "${metric}" to draw`, {
      evidence: [['recorded', Object.keys(curves.history).join(', ') || 'nothing']],
      hint: 'name one of the recorded metrics, and finish at least one epoch',
    })

  const Plot = await import('@observablehq/plot').catch(missing('@observablehq/plot'))
  const { parseHTML } = await import('linkedom').catch(missing('linkedom'))
  const epochs = [...training, ...validation].map(point => point.epoch)
  const [first, last] = [Math.min(...epochs), Math.max(...epochs)]
  const share = metric === 'accuracy'
  const single = first === last
  const axis = { color: ink, fontSize: 12, tickSize: 0 }
  const plot = Plot.plot({
    document: parseHTML('<html></html>').document,
    width,
    height: height - 52,
    marginLeft: 64,
    marginRight: 28,
    marginBottom: 46,
    marginTop: 14,
    x: { domain: single ? [first - 1, first + 1] : [first, last], inset: single ? 0 : 12 },
    y: { nice: true, inset: 6, zero: false },
    marks: [
      Plot.gridY({ ticks: 6, stroke: '#e6e8ec', strokeOpacity: 1 }),
      Plot.axisX({ ...axis, ticks: whole(first, last), tickFormat: 'd', label: null }),
      Plot.axisY({ ...axis, ticks: 6, tickFormat: share ? percent : plain, label: null }),
      Plot.line(validation, { x: 'epoch', y: 'value', stroke: blue, strokeWidth: 2, strokeLinejoin: 'round' }),
      single ? Plot.dot(validation, { x: 'epoch', y: 'value', r: 5, stroke: blue, strokeWidth: 2 }) : null,
      Plot.dot(training, { x: 'epoch', y: 'value', r: 3.5, fill: blue }),
    ],
  })
  return drawing(width, height, title(metric), [
    text(24, 32, title(metric), { size: 17, weight: 600 }),
    ...legend(width - 28, 27, validation.length > 0),
    `<g transform="translate(0 46)">${standalone(plot.outerHTML)}</g>`,
    text(width / 2, height - 14, 'epoch', { fill: faint, anchor: 'middle' }),
  ])
}

const title = (metric: string) => `Training and validation ${metric}`
const percent = (value: number) => `${Number((value * 100).toFixed(2))} %`
const plain = (value: number) => String(Number(value.toPrecision(6)))

const points = ({ epoch, history }: Curves, metric: string) =>
  epoch
    .map((epoch, row) => ({ epoch, value: Object.hasOwn(history, metric) ? history[metric][row] : Number.NaN }))
    .filter(point => Number.isFinite(point.value))

interface Point {
  readonly epoch: number
  readonly value: number
}

/** No more points than a picture can show: those at both ends, and of each of `most` stretches the lowest and the highest. */
function thinned(points: Point[], most: number): Point[] {
  if (points.length <= 4 * most) return points
  const kept = [points[0]]
  for (let stretch = 0, at = 1; stretch < most; stretch++) {
    const end = 1 + Math.round(((stretch + 1) * (points.length - 2)) / most)
    let [low, high] = [at, at]
    for (; at < end; at++) {
      if (points[at].value < points[low].value) low = at
      if (points[at].value > points[high].value) high = at
    }
    kept.push(points[Math.min(low, high)])
    if (low !== high) kept.push(points[Math.max(low, high)])
  }
  return [...kept, points[points.length - 1]]
}

/** At most about ten whole epochs to label. */
function whole(first: number, last: number): number[] {
  const step =
    [1, 2, 5, 10, 20, 50, 100, 200, 500].find(step => (last - first) / step <= 10) ?? Math.ceil((last - first) / 10)
  const start = Math.ceil(first / step) * step
  return Array.from({ length: Math.floor((last - start) / step) + 1 }, (_, i) => start + i * step)
}

const legend = (right: number, y: number, validation: boolean) => [
  `<circle cx="${right - (validation ? 160 : 58)}" cy="${y}" r="3.5" fill="${blue}"/>`,
  text(right - (validation ? 151 : 49), y + 4, 'training'),
  ...(validation
    ? [
        `<path d="M${right - 84} ${y}h22" stroke="${blue}" stroke-width="2"/>`,
        text(right, y + 4, 'validation', { anchor: 'end' }),
      ]
    : []),
]

/** Plot's picture without its style sheet, which only a browser understands. */
const standalone = (svg: string) =>
  svg
    .replace(/<style>[\s\S]*?<\/style>/g, '')
    .replace(/ font-family="[^"]*"/g, '')
    .replace(/ class="[^"]*"/g, '')
