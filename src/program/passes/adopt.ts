import { type Node, name as nameNode } from '../../formula/index.ts'
import { sameView, type View } from '../../tensor/view.ts'
import type { Named } from '../instruction.ts'

/**
 * Puts views among the inputs of an instruction and says what each is called there: one that is there already keeps its
 * name, another gets one that neither the inputs nor `taken` have.
 */
export function adopt(
  inputs: Record<string, View>,
  views: Named<View>,
  taken: readonly string[],
): Record<string, Node> {
  const called: Record<string, Node> = {}
  for (const [name, view] of Object.entries(views)) {
    const same = Object.entries(inputs).find(([, v]) => sameView(v, view))
    const key = same ? same[0] : fresh(name, [...Object.keys(inputs), ...taken])
    inputs[key] = view
    called[name] = nameNode(key)
  }
  return called
}

/** The name, or the first of name_2, name_3, … that is free; `product` is what a product is called. */
export function fresh(base: string, taken: readonly string[]): string {
  let candidate = base
  for (let i = 2; taken.includes(candidate) || candidate === 'product'; i++) candidate = `${base}_${i}`
  return candidate
}
