import { type Call, must, type Operators, showDims } from '../call.ts'
import {
  alongRows,
  concat,
  dtypeOf,
  expand,
  full,
  matmul,
  reshape,
  rounded,
  type Tensor,
  transpose,
  unsupportedType,
  zip,
} from '../tensors.ts'
import { softmaxRow } from './reduce.ts'

/** [batch, steps, heads · size] as [batch, heads, steps, size]. */
function heads(t: Tensor, count: number): Tensor {
  if (t.dims.length === 4) return t
  const [batch, steps, width] = t.dims
  must(
    t.dims.length === 3 && count > 0 && width % count === 0,
    `attention cannot cut ${showDims(t.dims)} into ${count} heads`,
  )
  return transpose(reshape(t, [batch, steps, count, width / count]), [0, 2, 1, 3])
}

/** Every head of keys and values serves as many heads of queries in a row. */
function shared(t: Tensor, count: number): Tensor {
  const [batch, own, steps, size] = t.dims
  must(count % own === 0, `attention cannot share ${own} heads among ${count}`)
  return reshape(expand(reshape(t, [batch, own, 1, steps, size]), [batch, own, count / own, steps, size]), [
    batch,
    count,
    steps,
    size,
  ])
}

/** Zero where a query may look, minus infinity where not, and the mask that is given. */
function biasOf(
  q: Tensor,
  k: Tensor,
  mask: Tensor | undefined,
  past: number | undefined,
  lengths: Tensor | undefined,
  causal: boolean,
): Tensor {
  const [batch, , rows] = q.dims
  const columns = k.dims[2]
  const bias = full('float64', [lengths ? batch : 1, 1, rows, columns], 0)
  bias.data.forEach((_, i) => {
    const [b, row, column] = [Math.floor(i / (rows * columns)), Math.floor(i / columns) % rows, i % columns]
    const before = past ?? (lengths ? lengths.data[b] - rows : 0)
    if ((causal && column > row + before) || (lengths && column >= lengths.data[b])) bias.data[i] = -Infinity
  })
  if (!mask) return bias
  const additive = mask.type === 'bool' ? zip([mask], m => (m ? 0 : -Infinity), 'float64') : mask
  const missing = columns - mask.dims.at(-1)!
  const filler = () => full('float64', mask.dims.with(-1, missing), -Infinity)
  const whole = missing > 0 ? concat([additive, filler()], -1) : additive
  return zip([bias, whole], (x, y) => x + y)
}

/** softmax(q·kᵀ·scale + bias)·v for every head. Vaswani et al. 2017. */
function attention([query, key, value, mask, pastKey, pastValue, lengths]: readonly Tensor[], c: Call): Tensor[] {
  if (query.type === 'bfloat16') throw unsupportedType('BFLOAT16 in Attention')
  const flat = query.dims.length === 3
  const [qHeads, kvHeads] = [c.int('q_num_heads', 0), c.int('kv_num_heads', 0)]
  const q = heads(query, qHeads)
  const [newK, newV] = [heads(key, kvHeads), heads(value, kvHeads)]
  const k = pastKey ? concat([pastKey, newK], 2) : newK
  const v = pastValue ? concat([pastValue, newV], 2) : newV
  const scale = c.has('scale') ? c.float('scale') : 1 / Math.sqrt(q.dims[3])
  const [cap, mode, causal] = [c.float('softcap', 0), c.int('qk_matmul_output_mode', 0), c.int('is_causal', 0) !== 0]
  const precision = c.has('softmax_precision') ? dtypeOf(c.int('softmax_precision')) : undefined
  const wide = { ...q, type: 'float64' as const }
  const scores = zip([matmul(wide, transpose(shared(k, q.dims[1]), [0, 1, 3, 2]))], x => x * scale)
  const capped = cap > 0 ? zip([scores], x => cap * Math.tanh(x / cap)) : scores
  const bias = biasOf(q, k, mask, pastKey?.dims[2], lengths, causal)
  const biased = zip([capped, bias], (x, y) => x + y)
  const ready = precision ? zip([biased], x => x, precision) : biased
  // A row that may look nowhere gives zeros.
  const weights = alongRows({ ...ready, type: 'float64' }, [3], (row, out) => {
    if (row.some(x => x !== -Infinity)) softmaxRow(row, out)
  })
  const y = zip([matmul(weights, shared(v, q.dims[1]))], x => x, query.type)
  const joined = flat ? reshape(transpose(y, [0, 2, 1, 3]), [q.dims[0], q.dims[2], q.dims[1] * v.dims[3]]) : y
  const shown = zip([[scores, capped, biased, weights][mode] ?? scores], x => x, query.type)
  return [joined, k, v, shown]
}

/** Turns pairs of features by an angle that grows with their place. Su et al. 2021. */
function rotary([x, cosines, sines, positions]: readonly Tensor[], c: Call): Tensor {
  const [count, asked, woven] = [c.int('num_heads', 0), c.int('rotary_embedding_dim', 0), c.int('interleaved', 0) !== 0]
  const by = heads(x, count)
  const [batch, number, steps, size] = by.dims
  const turned = asked || size
  const half = turned / 2
  must(
    Number.isInteger(half) && turned <= size && cosines.dims.at(-1) === half,
    'RotaryEmbedding got angles that do not fit',
  )
  const out = by.data.slice()
  for (let i = 0; i < batch * number * steps; i++) {
    const [b, step] = [Math.floor(i / (number * steps)), i % steps]
    const place = (positions ? positions.data[b * steps + step] : b * steps + step) * half
    must(place >= 0 && place + half <= cosines.data.length, 'RotaryEmbedding got a position beyond its angles')
    for (let j = 0; j < half; j++) {
      const [p, q] = woven ? [2 * j, 2 * j + 1] : [j, j + half]
      const [u, w, cos, sin] = [
        by.data[i * size + p],
        by.data[i * size + q],
        cosines.data[place + j],
        sines.data[place + j],
      ]
      out[i * size + p] = cos * u - sin * w
      out[i * size + q] = sin * u + cos * w
    }
  }
  const y = rounded(x.type, by.dims, out)
  return x.dims.length === 4 ? y : reshape(transpose(y, [0, 2, 1, 3]), x.dims)
}

export const attentions: Operators = { Attention: attention, RotaryEmbedding: rotary }
