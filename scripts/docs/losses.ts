import { reference } from '../../src/backends/reference/index.ts'
import { derivative, formula, formulaOf } from '../../src/formula/index.ts'
import type { FormulaLossDefinition, Loss, LossMaker, Parts } from '../../src/nn/loss.ts'
import * as losses from '../../src/nn/losses.ts'
import { chart, type Series } from '../../src/plot/index.ts'
import { record, type Scalars } from '../../src/program/index.ts'
import { sizeOf } from '../../src/tensor/shape.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'
import { grid } from './numbers.ts'
import { aligned, blocks, code, type Kind, lesson, off, settings, sources, spelt, written } from './page.ts'

const makers: Readonly<Record<string, LossMaker>> = losses

export const kind: Kind = {
  kind: 'losses',
  title: 'Losses',
  about:
    'One number that says how wrong a batch of predictions p is for the targets t, and its slope, which training goes down by. Each is an entry of `losses` and a name for the option `loss` of `compile`.',
  known: losses,
  file: 'nn/losses.ts',
  page(name, words, definition) {
    const made = makers[name]()
    const saved = made.toJSON() as unknown as FormulaLossDefinition
    const picture = plot(made, domainOf(words.tags.domain?.[0]))
    return {
      picture,
      markdown: blocks(
        `# ${name}`,
        words.text,
        ...(typeof saved.forward === 'string' ? equations(saved, made) : written(words)),
        picture && `![${name} and its slope](${name}.svg)`,
        settings(made.params),
        made.target === 'class' && 'A target is the number of a class, counted from 0.',
        code(words.tags.example?.[0] ?? `model.compile({ optimizer: 'adam', loss: '${name}' })`),
        ...sources(words),
        '## The definition',
        lesson(definition),
      ),
    }
  },
}

const PER = {
  element: 'The loss is the mean of ℓ over all elements.',
  row: 'ℓ is summed over each row, the last axis; the loss is the mean over the rows.',
  batch: 'The batch as a whole has one ℓ.',
}

type Texts = Pick<FormulaLossDefinition, 'parts' | 'forward' | 'backward'>

/** ℓ, and before it the sums it uses. */
const value = ({ parts, forward }: Texts, baked: Record<string, unknown>): string[] => [
  ...(parts ? [aligned(sums(parts, baked))] : []),
  aligned(spelt(forward, { left: '\\ell', baked })),
]

const slope = ({ forward, backward }: Texts, by: string, baked: Record<string, unknown>): string => {
  const derived = () => formulaOf({ d: derivative([...formula(forward).outputs.values()][0], by) }).text
  const text = backward ?? derived().replace(/^d = /, '')
  return aligned(spelt(text, { left: `\\frac{\\partial \\ell}{\\partial ${by}}`, baked }))
}

/** What a loss is, in formulas; nothing for one of verbs. */
export function equation(made: Loss): string[] {
  const saved = made.toJSON() as unknown as FormulaLossDefinition
  return typeof saved.forward === 'string' ? value(saved, off(made.params)) : []
}

function equations(saved: FormulaLossDefinition, { params }: Loss): string[] {
  const { per = 'element', fused } = saved
  const baked = off(params)
  return [
    ...value(saved, baked),
    slope(saved, 'p', baked),
    PER[per],
    ...(fused
      ? [`Behind a ${fused.activation}, as one pair on its input z:`, ...value(fused, baked), slope(fused, 'z', baked)]
      : []),
  ]
}

const SIGNS = { sum: '\\sum ', mean: '\\operatorname{mean} ', max: '\\max ', min: '\\min ', argmax: '\\arg\\max ' }

const sums = (parts: Parts, baked: Record<string, unknown>) =>
  Object.entries(parts).flatMap(([key, [reduction, text]]): [string, string][] => {
    const lines = spelt(text, { left: key, baked })
    const [left, right] = lines[lines.length - 1]
    return [...lines.slice(0, -1), [left, SIGNS[reduction] + (/[ +-]/.test(right) ? `\\left(${right}\\right)` : right)]]
  })

export interface Domain {
  readonly from: number
  readonly to: number
  readonly targets: readonly number[]
}

/** What `@domain 0 to 1, targets 1 and -1` says. */
export const domainOf = (text = ''): Domain => {
  const numbers = (part = '') => part.match(/-?\d+(\.\d+)?/g)?.map(Number) ?? []
  const [ends, targets] = text.split('targets')
  const [from = -3, to = 3] = numbers(ends)
  return { from, to, targets: targets ? numbers(targets) : [1, 0] }
}

/** Shapes of predictions, the simplest first: one number, a row, rows that are compared. */
const SHAPES = [[1], [2], [2, 2], [3, 2], [4, 3]]

/** The loss and its slope over the first number of a prediction, for two targets; beside other samples where it needs some. */
function plot(made: Loss, domain: Domain): string | undefined {
  const { per } = made.toJSON() as { per?: string }
  const isRow = per === 'row' || made.target === 'class'
  for (const batch of [1, 3])
    for (const shape of isRow ? SHAPES.slice(1) : SHAPES) {
      const series = attempt(made, batch, shape, domain)
      if (!series) continue
      const [xDomain, yDomain] = [[domain.from, domain.to] as const, around(series)]
      return chart(series, { title: `${made.name} and its slope`, xLabel: 'p', xDomain, yDomain, legend: 'beside' })
    }
  return undefined
}

function attempt(made: Loss, batch: number, shape: number[], { from, to, targets }: Domain): Series[] | undefined {
  const target = made.targetShape?.(shape) ?? shape.slice(0, made.target === 'class' ? -1 : undefined)
  const buffer = (name: string, shape: readonly number[]): Buffer => ({ name, shape, kind: 'input' })
  const [p, t] = [buffer('p', [batch, ...shape]), buffer('t', [batch, ...target])]
  const [loss, dp] = [buffer('loss', [1]), buffer('dp', [batch, ...shape])]
  const engine = reference.engine({})
  const compiled = () => {
    const views = { p: viewOf(p), t: viewOf(t) }
    const program = record('loss', [], k => {
      made.forward(k, { ...views, loss: viewOf(loss) })
      made.backward(k, { ...views, dp: viewOf(dp) })
    })
    return engine.compile(program)
  }
  const isShare = from === 0 && to === 1
  // Beside the number that changes: what is left of 1 in a row of shares, else ones and halves.
  const rest = (i: number, first: number) => (isShare ? (shape[0] === 2 ? 1 - first : 0.5) : i % 2 ? 1 : 0.5)
  const at = (first: number, right: number, run: (scalars: Scalars) => unknown) => {
    engine.write(
      p,
      Array.from({ length: sizeOf(p.shape) }, (_, i) => (i === 0 ? first : rest(i, first))),
    )
    const others = (i: number) => (batch > 1 ? i % 2 : isShare ? 1 - right : right < 0 ? right : 0)
    engine.write(
      t,
      Array.from({ length: sizeOf(t.shape) }, (_, i) =>
        i > 0 ? others(i) : made.target === 'class' ? 1 - right : right,
      ),
    )
    run({})
    return [engine.read(loss)[0], engine.read(dp)[0]]
  }
  const x = grid(from, to, 121)
  try {
    const { run } = compiled()
    const found = targets.flatMap(t => {
      const values = x.map(value => at(value, t, run))
      const about = made.target === 'class' ? `class ${1 - t}` : `t = ${t}`
      return [0, 1].map(i => ({ name: `${i ? 'slope' : 'loss'}, ${about}`, x, y: values.map(pair => pair[i]) }))
    })
    const same = found.slice(2).every(({ y }, i) => y.every((v, j) => v === found[i].y[j]))
    const shown = same ? found.slice(0, 2).map(({ name, ...rest }) => ({ ...rest, name: name.split(',')[0] })) : found
    const moving = shown.some(({ y }) => y.some(v => Number.isFinite(v) && Math.abs(v - y[0]) > 1e-9))
    return moving ? shown : undefined
  } catch {
    return undefined
  }
}

/** Where nearly all of it lies: a pole is cut off. */
function around(series: readonly Series[]): [number, number] {
  const values = series.flatMap(({ y }) => Array.from(y)).filter(Number.isFinite)
  const sorted = values.sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]
  const [low, high] = [at(0.02), at(0.98)]
  const room = 0.08 * (high - low || 1)
  return [Math.max(sorted[0], low - 3 * room) - room, Math.min(sorted[sorted.length - 1], high + 3 * room) + room]
}
