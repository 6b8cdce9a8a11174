import type { Model } from './model.ts'
import { className, nameAll } from './names.ts'
import { countOf, isChain, type Node } from './network.ts'
import { moves } from './optimize.ts'
import { announcement } from './programs.ts'

export type SummaryStyle = 'keras3' | 'keras2'

/** The table of layers with shapes and counts, as Keras prints it. */
export function summary(model: Model, style: SummaryStyle): string {
  return style === 'keras2' ? keras2(model) : keras3(model)
}

const count = (node: Node) => countOf([...node.parameters, ...node.state])
const shapeOf = (node: Node) => `(None, ${node.shape.join(', ')})`
const thousands = (n: number) => String(n).replace(/\B(?=(\d{3})+$)/g, ',')

/** A row a layer; in a graph inputs too, and what each layer is connected to. */
function rowsOf({ network, layers }: Model, style: SummaryStyle): string[][] {
  const { nodes } = network
  const names = nameAll(layers, style)
  const owners = nodes.filter(({ owner }, i) => owner === i)
  const called = (index: number) => {
    const before = nodes.slice(0, index).filter(({ owner }) => owner === nodes[index].owner).length
    return `${names[owners.indexOf(nodes[nodes[index].owner])]}[${before}][0]`
  }
  const connections = (owner: Node) => {
    const reads = nodes
      .filter(node => nodes[node.owner] === owner)
      .flatMap(node => node.inputs.filter(from => from >= 0))
    return reads.length > 0 ? reads.map(called).join(', ') : style === 'keras2' ? '' : '-'
  }
  const chain = isChain(network)
  return owners
    .map((node, i) => ({ node, name: `${names[i]} (${className(node.layer)})` }))
    .filter(({ node }) => !chain || node.layer.type !== 'input')
    .map(({ node, name }) => [
      name,
      shapeOf(node),
      style === 'keras2' ? String(count(node)) : thousands(count(node)),
      ...(chain ? [] : [connections(node)]),
    ])
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

function keras3(model: Model): string {
  const widths = isChain(model.network) ? wide : narrow
  const bar = (left: string, line: string, middle: string, right: string) =>
    left + widths.map(w => line.repeat(w + 2)).join(middle) + right
  const row = (cells: readonly string[], edge: string) =>
    `${edge} ${cells.map((cell, i) => (i === 2 ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(` ${edge} `)} ${edge}`
  const body = rowsOf(model, 'keras3').map(cells => {
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
  const lines = ['']
  for (const word of text.split(' ').flatMap(w => w.match(new RegExp(`.{1,${width}}`, 'g')) ?? [])) {
    const last = lines[lines.length - 1]
    if (last === '') lines[lines.length - 1] = word
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** The columns of Keras 2.3 end here; what is longer is cut. */
const wideEnds = [29, 55, 65]
const narrowEnds = [32, 53, 65, 98]

function keras2(model: Model): string {
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
    rowsOf(model, 'keras2')
      .map(cells => lines(cells).join('\n'))
      .join(`\n${rule('_')}\n`),
    rule('='),
    ...totals(model).map(([label, n]) => `${label}: ${thousands(n)}`),
    rule('_'),
    '',
  ].join('\n')
}
