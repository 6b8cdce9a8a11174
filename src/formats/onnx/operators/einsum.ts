import { must, type Operators } from '../call.ts'
import { room, rounded, sizeOf, spend, stridesOf, type Tensor } from '../tensors.ts'

/** The axes of one term, an ellipsis spelled out as numbered axes that end with 0. */
function labelsOf(term: string, rank: number): string[] {
  must(/^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(term), `Einsum cannot read "${term.slice(0, 30)}"`)
  const free = rank - term.replace('...', '').length
  const dots = Array.from({ length: Math.max(0, free) }, (_, i) => String(free - 1 - i))
  const [before, behind] = term.split('...')
  return behind === undefined ? [...before] : [...before, ...dots, ...behind]
}

/** Sums of products over every name that the result leaves out. */
function einsum(tensors: readonly Tensor[], equation: string): Tensor {
  const [left, right] = equation.replaceAll(' ', '').split('->')
  const terms = left.split(',')
  must(terms.length === tensors.length, `Einsum got ${tensors.length} tensors for ${terms.length} terms`)
  const labels = terms.map((term, i) => labelsOf(term, tensors[i].dims.length))
  const sizes = new Map<string, number>()
  labels.forEach((names, i) => {
    const { dims } = tensors[i]
    must(names.length === dims.length, `Einsum got ${dims.length} axes for "${terms[i].slice(0, 30)}"`)
    names.forEach((name, axis) => {
      const known = sizes.get(name) ?? 1
      must(known === 1 || dims[axis] === 1 || known === dims[axis], `Einsum got two sizes for "${name}"`)
      sizes.set(name, known === 1 ? dims[axis] : known)
    })
  })
  const all = labels.flat()
  const dots = [...sizes.keys()].filter(name => /\d/.test(name)).sort((a, b) => Number(b) - Number(a))
  const once = [...sizes.keys()].filter(name => !/\d/.test(name) && all.indexOf(name) === all.lastIndexOf(name)).sort()
  const kept =
    right === undefined
      ? [...dots, ...once]
      : labelsOf(right, right.replace('...', '').length + (right.includes('...') ? dots.length : 0))
  must(
    kept.every(name => sizes.has(name)) && new Set(kept).size === kept.length,
    'Einsum writes a name that it does not read',
  )
  const summed = [...sizes.keys()].filter(name => !kept.includes(name))
  const order = [...kept, ...summed]
  const grid = order.map(name => sizes.get(name)!)
  const steps = tensors.map((t, i) => {
    const own = stridesOf(t.dims)
    return order.map(name =>
      labels[i].reduce((sum, label, axis) => (label === name && t.dims[axis] > 1 ? sum + own[axis] : sum), 0),
    )
  })
  const dims = grid.slice(0, kept.length)
  const out = room(dims)
  const inner = sizeOf(grid.slice(kept.length))
  spend(8 * out.length * inner * tensors.length)
  const at = new Int32Array(tensors.length)
  const counter = new Int32Array(grid.length)
  for (let i = 0; i < out.length; i++)
    for (let j = 0; j < inner; j++) {
      let product = 1
      for (let k = 0; k < tensors.length; k++) product *= tensors[k].data[at[k]]
      out[i] += product
      for (let axis = grid.length - 1; axis >= 0; axis--) {
        for (let k = 0; k < at.length; k++) at[k] += steps[k][axis]
        if (++counter[axis] < grid[axis]) break
        for (let k = 0; k < at.length; k++) at[k] -= steps[k][axis] * grid[axis]
        counter[axis] = 0
      }
    }
  return rounded(tensors[0].type, dims, out)
}

export const einsums: Operators = {
  Einsum: (inputs, c) => einsum(inputs, c.text('equation')),
}
