import { name as nameNode, print, substitute } from '../formula/index.ts'
import type { View } from '../tensor/view.ts'
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
    case 'reduce': {
      const sign = { sum: 'Σ', mean: 'mean', max: 'max', min: 'min', argmax: 'argmax' }[instruction.kind]
      return equations(instruction.formula.outputs, instruction.outputs, instruction.inputs, {}, body =>
        sign === 'Σ' ? `Σ ${/[ ?]/.test(body) ? `(${body})` : body}` : `${sign}(${body})`,
      )
    }
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
  wrap = (body: string) => body,
): string {
  const spelt = [...Object.entries(inputs).map(([key, view]) => [key, view.name]), ...Object.entries(more)]
  // Names such as `y1ᵀ·dz2` are no names of the language: print placeholders, then put them in.
  const replacements = Object.fromEntries(spelt.map(([key], i) => [key, nameNode(`spelt_${i}_`)]))
  const spell = (body: string) => body.replace(/spelt_(\d+)_/g, (_, i) => spelt[Number(i)][1])
  return Object.entries(outputs)
    .map(([key, view]) => `${view.name} = ${wrap(spell(print(substitute(nodes.get(key)!, replacements))))}`)
    .join('; ')
}
