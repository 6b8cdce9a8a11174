import { fromBits, large } from './file.ts'
import { type Dtype, dtypes } from './tensors.ts'

/** Numbers of the user's, each as the input's type has it; two-byte floats may come as their bits. */
export function fill(out: Float64Array, data: ArrayLike<number | bigint>, type: Dtype): Float64Array {
  const bits = data instanceof Uint16Array && (type === 'float16' || type === 'bfloat16')
  const wide = type === 'int64' || type === 'uint64'
  const { round } = dtypes[type]
  for (let i = 0; i < out.length; i++) {
    const value = data[i]
    if (bits) out[i] = fromBits(Number(value), type)
    else out[i] = wide ? large(value, type) : round(Number(value))
  }
  return out
}
