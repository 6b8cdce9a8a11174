import { faint, ink, text } from './svg.ts'

export type Domain = readonly [low: number, high: number]

/** Colours of series and classes, told apart also by those who do not see red and green. */
export const palette = ['#2563eb', '#ea580c', '#059669', '#9333ea', '#ca8a04', '#0891b2', '#db2777', '#64748b']

export interface Frame {
  /** Where a value stands in the drawing. */
  readonly x: (value: number) => number
  readonly y: (value: number) => number
  /** Grid lines and labels. */
  readonly body: readonly string[]
}

export interface Area {
  left: number
  top: number
  right: number
  bottom: number
}

/** A coordinate system in an area of a drawing. */
export function frame(x: Domain, y: Domain, area: Area, labels: { x?: string; y?: string } = {}): Frame {
  const { left, top, right, bottom } = area
  const across = (value: number) => left + ((value - x[0]) / (x[1] - x[0])) * (right - left)
  const up = (value: number) => bottom - ((value - y[0]) / (y[1] - y[0])) * (bottom - top)
  const line = (d: string, zero: boolean) => `<path d="${d}" stroke="${zero ? '#c3c8d0' : '#e6e8ec'}"/>`
  const body = [
    ...ticks(x, (right - left) / 70).flatMap(value => [
      line(`M${round(across(value))} ${top}V${bottom}`, value === 0),
      text(round(across(value)), bottom + 18, plain(value), { anchor: 'middle' }),
    ]),
    ...ticks(y, (bottom - top) / 40).flatMap(value => [
      line(`M${left} ${round(up(value))}H${right}`, value === 0),
      text(left - 8, round(up(value)) + 4, plain(value), { anchor: 'end', fill: ink }),
    ]),
    ...(labels.x ? [text((left + right) / 2, bottom + 38, labels.x, { anchor: 'middle', fill: faint })] : []),
    ...(labels.y ? [text(left - 8, top - 8, labels.y, { anchor: 'end', fill: faint })] : []),
  ]
  return { x: across, y: up, body }
}

/** From the smallest to the largest finite value, with a little room. */
export function domainOf(values: Iterable<number>, room = 0.05): Domain {
  let [low, high] = [Infinity, -Infinity]
  for (const value of values) if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)]
  if (!(low <= high)) return [0, 1]
  const margin = (high - low || Math.abs(low) || 1) * room
  return [low - margin, high + margin]
}

export const round = (value: number) => Math.round(value * 100) / 100
const plain = (value: number) => String(Number(value.toPrecision(6)))

/** Round numbers within a domain, about `count` of them. */
function ticks([low, high]: Domain, count: number): number[] {
  const rough = (high - low) / Math.max(2, count)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find(factor => factor * power >= rough * 0.999) ?? 10)
  const first = Math.ceil(low / step - 1e-9)
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step)
}
