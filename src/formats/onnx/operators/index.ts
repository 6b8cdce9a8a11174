import type { Operator, Operators } from '../call.ts'
import type { Node } from '../file.ts'
import { attentions } from './attention.ts'
import { control } from './control.ts'
import { products } from './convolution.ts'
import { einsums } from './einsum.ts'
import { elementwise } from './elementwise.ts'
import { indexing } from './indexing.ts'
import { learning } from './learning.ts'
import { normalizations } from './normalization.ts'
import { optimizers } from './optimizers.ts'
import { pools } from './pooling.ts'
import { quantized } from './quantization.ts'
import { recurrent } from './recurrent.ts'
import { reductions } from './reduce.ts'
import { resizing } from './resize.ts'
import { sampling } from './sampling.ts'
import { shaping } from './shaping.ts'
import { signals } from './signal.ts'

const tables = [
  elementwise,
  reductions,
  products,
  pools,
  normalizations,
  shaping,
  indexing,
  resizing,
  sampling,
  recurrent,
  einsums,
  attentions,
  quantized,
  control,
  signals,
]
const standard: Operators = Object.assign(Object.create(null), ...tables)
const domains: Record<string, Operators> = Object.assign(Object.create(null), {
  '': standard,
  'ai.onnx.ml': Object.assign(Object.create(null), learning),
  'ai.onnx.preview.training': Object.assign(Object.create(null), optimizers),
})

/** The row of an operator, if there is one. */
export const operatorFor = ({ domain, operator }: Node): Operator | undefined => domains[domain]?.[operator]
/** The names of the operators that are understood. */
export const operatorNames: readonly string[] = Object.keys(standard)
