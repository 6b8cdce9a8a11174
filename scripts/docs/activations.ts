import { derivative, formula, latex, number, substitute } from '../../src/formula/index.ts'
import type { Activation, ActivationMaker } from '../../src/nn/activation.ts'
import * as activations from '../../src/nn/activations.ts'
import { chart } from '../../src/plot/index.ts'
import { paper } from './numbers.ts'
import { blocks, code, type Kind, lesson, math, neat, off, settings } from './page.ts'
import type { Statement, Words } from './source.ts'

const makers: Readonly<Record<string, ActivationMaker>> = activations

export const kind: Kind = {
  kind: 'activations',
  title: 'Activations',
  about:
    'What a unit does with its sum. Each is an entry of `activations`, a name for the option `activation` of a layer, and a layer by `activation(name)`.',
  known: activations,
  file: 'nn/activations.ts',
  page(name, words, definition) {
    const made = makers[name]()
    if (made.name !== name) return made.name
    return { markdown: page(made, words, definition), picture: picture(made) }
  },
}

function page(made: Activation, { text, tags }: Words, definition: Statement): string {
  const saved = made.toJSON() as { forward: string; backward: string }
  const baked = Object.fromEntries(
    Object.entries({ ...off(made.params), ...zero(made.params) }).map(([key, value]) => [key, number(Number(value))]),
  )
  const equations = () => {
    const [y, dx] = [saved.forward, saved.backward].map(text =>
      substitute([...formula(text).outputs.values()][0], baked),
    )
    const slopes = [derivative(y, 'x'), substitute(dx, { dy: number(1) })].map(latex)
    const [shortest] = slopes.sort((a, b) => a.length - b.length)
    return [`y = ${latex(y)}`, `\\frac{dy}{dx} = ${shortest}`].map(whole)
  }
  const [forward, backward] = made.formulas ? equations() : [tags.equation?.[0] ?? '', tags.slope?.[0] ?? '']
  const aliases = Object.entries(activations)
    .filter(([key, make]) => key !== made.name && make().name === made.name)
    .map(([key]) => `\`${key}\``)
  return blocks(
    `# ${made.name}`,
    text,
    math(neat(forward)),
    math(neat(backward)),
    `![${made.name} and its derivative](${made.name}.svg)`,
    settings(made.params),
    aliases.length > 0 && `Also called ${aliases.join(', ')}.`,
    `Range: ${made.range.map(bound).join(' to ')}.`,
    code(made.formulas ? `dense(16, { activation: '${made.name}' })` : `activation('${made.name}')`),
    '## The definition',
    lesson(definition),
  )
}

const zero = (params: object) => Object.fromEntries(Object.entries(params).filter(([, value]) => value === 0))

/** An equation whose right side names parts: the left side goes with its last line. */
const whole = (text: string) => {
  const [left, right] = text.split(/ = (.*)/s)
  return right.startsWith('\\begin{aligned}') ? right.replace(/ y &= (?!.* y &= )/s, ` ${left} &= `) : text
}

const bound = (value: number) =>
  Math.abs(value) === Infinity ? `${value < 0 ? '−' : ''}∞` : String(Number(value.toFixed(4))).replace('-', '−')

/** y and dy/dx from −6 to 6; where a whole row counts, of its first number beside 0 and −1, or of a gate. */
export function picture(made: Activation): string {
  const count = 241
  const x = Array.from({ length: count }, (_, i) => (i - (count - 1) / 2) / 20)
  const isGate = made.outputShape([2])[0] === 1
  const isAlone = made.formulas || made.outputShape([2])[0] === 4
  const row = (t: number) => (isAlone ? [t] : isGate ? [1, t] : [t, 0, -1])
  const width = row(0).length
  const after = made.outputShape([width])[0]
  const place = isGate ? 1 : 0
  const { k, array, write, read } = paper()
  const views = { x: array('x', [count, width], x.flatMap(row)), y: array('y', [count, after]) }
  const [dy, dx] = [array('dy', [count, after]), array('dx', [count, width])]
  made.forward(k, views)
  const every = (values: readonly number[], width: number, place: number) => x.map((_, i) => values[i * width + place])
  const series = Array.from({ length: after === 2 ? 2 : 1 }, (_, output) => {
    write(
      dy,
      Float64Array.from({ length: count * after }, (_, i) => (i % after === output ? 1 : 0)),
    )
    made.backward(k, { ...views, dy, dx })
    const index = after > 1 ? '₁₂'[output] : ''
    return [
      { name: `y${index}`, x, y: every(read(views.y), after, output) },
      { name: `dy${index}/dx`, x, y: every(read(dx), width, place) },
    ]
  }).flat()
  const values = series.flatMap(({ y }) => y)
  const [low, high] = [Math.min(...values), Math.max(...values)].map(value => Math.min(6.5, Math.max(-6.5, value)))
  const room = 0.06 * (high - low)
  const inside = series.map(({ y, ...rest }) => ({
    ...rest,
    y: y.map(v => (v < low - room || v > high + room ? Number.NaN : v)),
  }))
  const title = made.formulas ? made.name : `${made.name} of ${isGate ? '(1, x)' : width === 1 ? '(x)' : '(x, 0, −1)'}`
  return chart(inside, { title, xDomain: [-6, 6], yDomain: [low - room, high + room] })
}
