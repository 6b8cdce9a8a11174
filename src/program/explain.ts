import { name as nameNode, print, substitute } from '../formula/index.ts'
import type { View } from '../tensor/view.ts'
import type { Limits, Timing } from './backend.ts'
import type { Instruction, Named, Program } from './instruction.ts'

/** The program in textbook notation, a line an instruction: `dW2 = y1ᵀ·dz2`. */
export const explain = (program: Program): string => program.instructions.map(line).join('\n')

function line(instruction: Instruction): string {
  switch (instruction.verb) {
    case 'gemm': {
      const product = `${instruction.a.name}·${instruction.b.name}`
      return equations(instruction.formula.outputs, instruction.outputs, instruction.inputs, { product })
    }
    case 'map':
      return equations(instruction.formula.outputs, instruction.outputs, instruction.inputs)
    case 'reduce':
      return equations(instruction.formula.outputs, instruction.outputs, instruction.inputs, {}, (body, key) => {
        const kind = instruction.kinds[key]
        if (kind !== 'sum') return `${kind}(${body})`
        return `Σ ${/[ ?]/.test(body) ? `(${body})` : body}`
      })
    case 'gather':
      return `${instruction.out.name} = ${instruction.source.name}[${instruction.index.name}]`
    case 'scatter':
      return `${instruction.out.name}[${instruction.index.name}] += ${instruction.values.name}`
  }
}

function equations(
  nodes: ReadonlyMap<string, Parameters<typeof print>[0]>,
  outputs: Named<View>,
  inputs: Named<View>,
  more: Named<string> = {},
  wrap = (body: string, _key: string) => body,
): string {
  const spelt = [...Object.entries(inputs).map(([key, view]) => [key, view.name]), ...Object.entries(more)]
  // Names such as `y1ᵀ·dz2` are no names of the language: print placeholders, then put them in.
  const replacements = Object.fromEntries(spelt.map(([key], i) => [key, nameNode(`spelt_${i}_`)]))
  const spell = (body: string) => body.replace(/spelt_(\d+)_/g, (_, i) => spelt[Number(i)][1])
  return Object.entries(outputs)
    .map(([key, view]) => `${view.name} = ${wrap(spell(print(substitute(nodes.get(key)!, replacements))), key)}`)
    .join('; ')
}

/**
 * A program's kernels as a table: what each computes and moves, how long it took, its share, and how near it comes to
 * the machine's limit, which is the larger of computing and moving.
 */
export function kernelTable(timings: readonly Timing[], limits: Limits): string {
  const total = timings.reduce((sum, t) => sum + t.milliseconds, 0)
  const rows = timings.map(({ name, flops, bytes, milliseconds: ms }) => {
    const least = Math.max(flops / limits.flops, bytes / limits.bytes) * 1000
    return [
      name,
      (flops / 1e6).toFixed(2),
      (bytes / 1e6).toFixed(2),
      ms.toFixed(3),
      `${((100 * ms) / total).toFixed(1)} %`,
      ms > 0 ? `${Math.min(100, (100 * least) / ms).toFixed(0)} %` : '',
    ]
  })
  const head = ['kernel', 'MFLOP', 'MB', 'ms', 'share', 'of limit']
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map(row => row[i].length)))
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ')
  const machine = `${(limits.flops / 1e9).toFixed(1)} GFLOP/s and ${(limits.bytes / 1e9).toFixed(1)} GB/s`
  return [line(head), ...rows.map(line), `${total.toFixed(2)} ms on one core, whose limit is ${machine}`].join('\n')
}
