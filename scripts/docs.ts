import { readdirSync, readFileSync } from 'node:fs'
import { direct } from '../src/backends/reference/index.ts'
import { derivative, formula, latex, number, substitute } from '../src/formula/index.ts'
import type { Activation } from '../src/nn/activation.ts'
import * as activations from '../src/nn/activations.ts'
import { chart } from '../src/plot/index.ts'
import { type Buffer, viewOf } from '../src/tensor/view.ts'

/** What a docstring says: its text, and the tags of what has no formula. */
interface Words {
  readonly text: string
  readonly equation?: string
  readonly slope?: string
}

/** Every file of docs/activations with its content: a page and a picture for each, from its definition and docstring. */
export function pages(): Record<string, string> {
  const docs = docstrings('../src/nn/', name => /^activations\w*\.ts$/.test(name))
  const all = Object.entries(activations)
    .map(([name, make]) => ({ name, made: make() }))
    .sort((a, b) => a.name.localeCompare(b.name))
  const files: Record<string, string> = {}
  for (const { name, made } of all) {
    if (made.name !== name) continue
    const aliases = all.filter(other => other.made.name === name && other.name !== name).map(other => other.name)
    files[`${name}.svg`] = picture(made)
    files[`${name}.md`] = page(made, { ...docs.get(name)!, aliases })
  }
  files['README.md'] = [
    '# Activations',
    '',
    'Each is an entry of `activations`, a name for the option `activation` of a layer, and a layer by `activation(name)`.',
    '',
    ...all.map(({ name, made }) => {
      const [words] = docs.get(name)!.text.split(/(?<=\.) /)
      return `- [${name}](${made.name}.md) · ${made.name === name ? words : `another name of ${made.name}`}`
    }),
    '',
  ].join('\n')
  return files
}

/** The docstring before each exported constant: its text and its tags. */
function docstrings(path: string, isWanted: (file: string) => boolean): Map<string, Words> {
  const folder = new URL(path, import.meta.url)
  const found = new Map<string, Words>()
  for (const file of readdirSync(folder).filter(isWanted)) {
    const source = readFileSync(new URL(file, folder), 'utf8')
    for (const [, comment, name] of source.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport const (\w+) =/g)) {
      const lines = comment.split('\n').map(line => line.replace(/^\s*\* ?/, '').trimEnd())
      const tags = Object.fromEntries(
        lines.flatMap(line => (line.match(/^@(\w+) (.*)/) ? [line.slice(1).split(/ (.*)/)] : [])),
      )
      found.set(name, {
        text: lines
          .filter(line => !line.startsWith('@'))
          .join(' ')
          .trim(),
        ...tags,
      })
    }
  }
  return found
}

function page(made: Activation, { text, equation, slope, aliases }: Words & { aliases: readonly string[] }): string {
  const settings = Object.entries(made.params)
  const saved = made.toJSON() as { forward: string; backward: string }
  const math = (content = '') => [
    '```math',
    CONSTANTS.reduce((all, [value, sign]) => all.replaceAll(value, sign), content),
    '```',
    '',
  ]
  // Settings that are off would only clutter the formula.
  const off = settings.filter(([, value]) => value === false || value === 0 || value === Infinity)
  const baked = Object.fromEntries(off.map(([key, value]) => [key, number(Number(value))]))
  const equations = () => {
    const [y, dx] = [saved.forward, saved.backward].map(text =>
      substitute([...formula(text).outputs.values()][0], baked),
    )
    const slopes = [derivative(y, 'x'), substitute(dx, { dy: number(1) })].map(latex)
    const [shortest] = slopes.sort((a, b) => a.length - b.length)
    return [`y = ${latex(y)}`, `\\frac{dy}{dx} = ${shortest}`].map(whole)
  }
  const [forward, backward] = made.formulas ? equations() : [equation, slope]
  return [
    `# ${made.name}`,
    '',
    text,
    '',
    ...math(forward),
    ...math(backward),
    `![${made.name} and its derivative](${made.name}.svg)`,
    '',
    ...(made.formulas
      ? [
          'As formulas:',
          '',
          '```',
          `forward   ${inLine(saved.forward)}`,
          `backward  ${inLine(saved.backward)}`,
          '```',
          '',
        ]
      : []),
    ...(settings.length > 0
      ? [
          '| setting | default |',
          '| --- | --- |',
          ...settings.map(([key, value]) => `| \`${key}\` | ${value === Infinity ? 'none' : value} |`),
          '',
        ]
      : []),
    ...(aliases.length > 0 ? [`Also called ${aliases.map(name => `\`${name}\``).join(', ')}.`, ''] : []),
    `Range: ${made.range.map(bound).join(' to ')}.`,
    '',
    '```ts',
    made.formulas ? `dense(16, { activation: '${made.name}' })` : `activation('${made.name}')`,
    '```',
    '',
  ].join('\n')
}

/** An equation whose right side names parts: the left side goes with its last line. */
const whole = (text: string) => {
  const [left, right] = text.split(/ = (.*)/s)
  return right.startsWith('\\begin{aligned}') ? right.replace(/ y &= (?!.* y &= )/s, ` ${left} &= `) : text
}

const inLine = (text: string) => text.replace(/\s*\n\s*/g, '\n          ')
const bound = (value: number) =>
  Math.abs(value) === Infinity ? `${value < 0 ? '−' : ''}∞` : String(Number(value.toFixed(4))).replace('-', '−')

/** Numbers that formulas compute once, as they were written. */
const CONSTANTS: readonly (readonly [string, string])[] = [
  ['0.7978845608028654', '\\sqrt{\\tfrac{2}{\\pi}}'],
  ['0.7071067811865476', '\\tfrac{1}{\\sqrt{2}}'],
  ['1.1283791670955126', '\\tfrac{2}{\\sqrt{\\pi}}'],
  ['2.5066282746310002', '\\sqrt{2 \\pi}'],
  ['1.7724538509055159', '\\sqrt{\\pi}'],
  ['0.16666666666666666', '\\tfrac{1}{6}'],
]

/** y and dy/dx from −6 to 6; where a whole row counts, of its first number beside 0 and −1, or of a gate. */
function picture(made: Activation): string {
  const count = 241
  const x = Array.from({ length: count }, (_, i) => (i - (count - 1) / 2) / 20)
  const isGate = made.outputShape([2])[0] === 1
  const isAlone = made.formulas || made.outputShape([2])[0] === 4
  const row = (t: number) => (isAlone ? [t] : isGate ? [1, t] : [t, 0, -1])
  const width = row(0).length
  const after = made.outputShape([width])[0]
  const place = isGate ? 1 : 0
  const k = direct()
  const buffer = (name: string, n: number): Buffer => ({ name, shape: [count, n], kind: 'input' })
  const [bx, by, bdy, bdx] = [buffer('x', width), buffer('y', after), buffer('dy', after), buffer('dx', width)]
  const [vx, vy, vdy, vdx] = [bx, by, bdy, bdx].map(viewOf)
  k.write(bx, x.flatMap(row))
  made.forward(k, { x: vx, y: vy })
  const every = (buffer: Buffer, width: number, place: number) =>
    Array.from({ length: count }, (_, i) => k.read(buffer)[i * width + place])
  const series = Array.from({ length: after === 2 ? 2 : 1 }, (_, output) => {
    k.write(
      bdy,
      Float64Array.from({ length: count * after }, (_, i) => (i % after === output ? 1 : 0)),
    )
    made.backward(k, { x: vx, y: vy, dy: vdy, dx: vdx })
    const index = after > 1 ? '₁₂'[output] : ''
    return [
      { name: `y${index}`, x, y: every(by, after, output) },
      { name: `dy${index}/dx`, x, y: every(bdx, width, place) },
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
