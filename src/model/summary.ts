import type { Shape } from '../tensor/shape.ts'
import type { Model } from './face.ts'
import { className, nameAll } from './names.ts'
import { countOf, isChain, itemOf, type Node } from './network.ts'
import { moves } from './optimize.ts'
import { announcement } from './programs.ts'

export type SummaryStyle = 'keras3' | 'keras2'

export interface SummaryOptions {
  style?: SummaryStyle
  /** Show the layers of the models within, too. */
  expandNested?: boolean
  /** Is given the table: console.log. */
  print?(table: string): void
}

/** The table of layers with shapes and counts, as Keras prints it. */
export function summary(model: Model, { style = 'keras3', expandNested = false, print }: SummaryOptions = {}): string {
  const table = style === 'keras2' ? keras2(model, expandNested) : keras3(model, expandNested)
  print?.(table)
  return table
}

const count = (nodes: readonly Node[]) => countOf(nodes.flatMap(node => [...node.parameters, ...node.state]))
const shapeOf = ({ shape }: { readonly shape: Shape }) => `(None, ${shape.join(', ')})`
const thousands = (n: number) => String(n).replace(/\B(?=(\d{3})+$)/g, ',')

/** A row a layer, or a model within; in a graph inputs too, and what each is connected to. */
function rowsOf({ network, layers }: Model, style: SummaryStyle, expand: boolean): string[][] {
  const { nodes, uses } = network
  const names = nameAll(layers, style)
  const useOf = (node: Node) => uses.find(({ use }) => use === node.within[0])
  /** Each call of an item: a node, or a model's use. */
  const calls = [...new Set(nodes.map(node => useOf(node) ?? node))]
  const itemOfCall = (call: (typeof calls)[number]) => ('use' in call ? call.use.layer : call.layer)
  const same = (a: (typeof calls)[number], b: (typeof calls)[number]) =>
    'use' in a ? itemOfCall(a) === itemOfCall(b) : !('use' in b) && a.owner === b.owner
  const called = (index: number) => {
    const call = useOf(nodes[index]) ?? nodes[index]
    const before = calls.slice(0, calls.indexOf(call)).filter(other => same(other, call)).length
    const output = 'use' in call ? Math.max(0, call.outputs.indexOf(index)) : 0
    return `${names[layers.indexOf(itemOfCall(call))]}[${before}][${output}]`
  }
  const chain = isChain(network)
  return layers.flatMap((item, i): string[][] => {
    const own = calls.filter(call => itemOfCall(call) === item)
    if (chain && item.type === 'input') return []
    const [first] = own
    const members = nodes.filter(node => itemOf(node) === item)
    const reads = own.flatMap(call => call.inputs.filter(from => from >= 0))
    const shapes = 'use' in first ? first.use.outputs.map(shapeOf).join(', ') : shapeOf(first)
    const number = style === 'keras2' ? String(count(members)) : thousands(count(members))
    const none = style === 'keras2' ? '' : '-'
    const connected = chain ? [] : [reads.length > 0 ? reads.map(called).join(', ') : none]
    const row = [`${names[i]} (${className(item)})`, shapes, number, ...connected]
    if (!expand || !('network' in item)) return [row]
    const within = rowsOf(item as Model, style, expand).map(([name, shape, size]) => [
      `    ${name.startsWith(' ') ? name : `└ ${name}`}`,
      shape,
      size,
      ...(chain ? [] : ['-']),
    ])
    return [row, ...within]
  })
}

/** Keras counts what each number takes in float32. */
function bytes(parameters: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let [size, unit] = [parameters * 4, 0]
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024
  return `${size.toFixed(2)} ${units[unit]}`
}

function totals({ network }: Model): [string, number][] {
  const parameters = network.nodes.flatMap(({ layer, parameters }) => parameters.map(each => ({ layer, ...each })))
  const trainable = countOf(parameters.filter(({ layer, key }) => moves(layer, key)))
  const other = countOf(parameters) - trainable + countOf(network.nodes.flatMap(node => node.state))
  return [
    ['Total params', trainable + other],
    ['Trainable params', trainable],
    ['Non-trainable params', other],
  ]
}

/** Of the columns: of a chain, and of a graph. */
const wide = [31, 22, 13]
const narrow = [19, 17, 10, 17]
const titles = ['Layer (type)', 'Output Shape', 'Param #', 'Connected to']

function keras3(model: Model, expand: boolean): string {
  const widths = isChain(model.network) ? wide : narrow
  const bar = (left: string, line: string, middle: string, right: string) =>
    left + widths.map(w => line.repeat(w + 2)).join(middle) + right
  const row = (cells: readonly string[], edge: string) =>
    `${edge} ${cells.map((cell, i) => (i === 2 ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(` ${edge} `)} ${edge}`
  const body = rowsOf(model, 'keras3', expand).map(cells => {
    const lines = cells.map((cell, i) => wrap(i === 3 ? shortened(cell, widths[i]) : cell, widths[i]))
    const height = Math.max(...lines.map(l => l.length))
    return Array.from({ length: height }, (_, r) =>
      row(
        lines.map(l => l[r] ?? ''),
        '│',
      ),
    ).join('\n')
  })
  const note = model.training && announcement(model.network, model.training.goals)
  return [
    `Model: "${model.name}"`,
    bar('┏', '━', '┳', '┓'),
    row(titles.slice(0, widths.length), '┃'),
    bar('┡', '━', '╇', '┩'),
    body.join(`\n${bar('├', '─', '┼', '┤')}\n`),
    bar('└', '─', '┴', '┘'),
    ...totals(model).map(([name, n]) => ` ${name}: ${thousands(n)} (${bytes(n)})`),
    ...(note ? [` ${note}`] : []),
    '',
  ].join('\n')
}

/** Names that are too long for a column end in dots, as Keras's do. */
const shortened = (text: string, width: number): string =>
  text
    .split(' ')
    .map(word => (word.length <= width ? word : word.replace(/,$/, '')))
    .map(word => (word.length <= width ? word : `${word.slice(0, width - 1)}…`))
    .join(' ')

/** Breaks at spaces, and inside a word that is too long. */
function wrap(text: string, width: number): string[] {
  const indent = /^ */.exec(text)![0]
  const lines = [indent]
  for (const word of text
    .trim()
    .split(' ')
    .flatMap(w => w.match(new RegExp(`.{1,${width - indent.length}}`, 'g')) ?? [])) {
    const last = lines[lines.length - 1]
    if (last.trim() === '') lines[lines.length - 1] += word
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(indent + word)
  }
  return lines
}

/** The columns of Keras 2.3 end here; what is longer is cut. */
const wideEnds = [29, 55, 65]
const narrowEnds = [32, 53, 65, 98]

function keras2(model: Model, expand: boolean): string {
  const ends = isChain(model.network) ? wideEnds : narrowEnds
  const row = (cells: readonly string[]) =>
    cells.reduce((line, cell, i) => {
      const gap = i > 0 ? `${line.slice(0, -1)} ` : ''
      return (gap + cell).slice(0, ends[i]).padEnd(ends[i])
    }, '')
  const rule = (sign: string) => sign.repeat(ends[ends.length - 1])
  /** Each connection has a line of its own. */
  const lines = ([name, shape, params, connected = '']: readonly string[]) =>
    connected
      .split(', ')
      .map((from, i) => row((i > 0 ? ['', '', '', from] : [name, shape, params, from]).slice(0, ends.length)))
  const name = model.name === 'sequential' ? 'sequential_1' : model.name
  return [
    `Model: "${name}"`,
    rule('_'),
    row(titles.slice(0, ends.length)),
    rule('='),
    rowsOf(model, 'keras2', expand)
      .map(cells => lines(cells).join('\n'))
      .join(`\n${rule('_')}\n`),
    rule('='),
    ...totals(model).map(([label, n]) => `${label}: ${thousands(n)}`),
    rule('_'),
    '',
  ].join('\n')
}
