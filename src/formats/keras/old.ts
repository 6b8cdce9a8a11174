import type { Hdf5Numbers } from '../hdf5/read.ts'

// Arrays of Keras 1 as Keras 3 has them.

interface Version {
  readonly major: number
  readonly backend?: string
}

/** The gates of Keras 1, which had arrays of their own, in the order in which they stand side by side now. */
const gates: Readonly<Record<string, readonly number[]>> = { LSTM: [0, 2, 1, 3], GRU: [0, 1, 2] }

/** A layer's arrays, whichever Keras wrote them. */
export function modernWeights(type: string, arrays: readonly Hdf5Numbers[], { major, backend }: Version) {
  let own = type === 'SpectralNormalization' ? arrays.slice(0, -1) : [...arrays] // the direction u comes last
  const order = Object.hasOwn(gates, type) ? gates[type] : undefined
  if (major === 1 && order && own.length === 3 * order.length)
    own = [0, 1, 2].map(kind => sideBySide(order.map(gate => own[3 * gate + kind])))
  if (major === 1 && type === 'Conv2DTranspose' && own[0]?.shape.length === 4) own[0] = lastTwoSwapped(own[0])
  // Theano turns kernels round before it multiplies.
  if (backend === 'theano' && /^Conv\d/.test(type) && own[0]) own[0] = turned(own[0])
  return own
}

/** Arrays of the same rows one after another in each row. */
function sideBySide(parts: readonly Hdf5Numbers[]): Hdf5Numbers {
  const widths = parts.map(({ shape }) => shape[shape.length - 1] ?? 1)
  const width = widths.reduce((a, b) => a + b, 0)
  const rows = parts[0].data.length / (widths[0] || 1)
  const data = new Float64Array(rows * width)
  for (let row = 0; row < rows; row++) {
    let at = row * width
    for (const [i, part] of parts.entries())
      for (let j = 0; j < widths[i]; j++) data[at++] = part.data[row * widths[i] + j]
  }
  return { shape: [...parts[0].shape.slice(0, -1), width], data }
}

function lastTwoSwapped({ shape, data }: Hdf5Numbers): Hdf5Numbers {
  const [a, b] = shape.slice(-2)
  const out = Float64Array.from({ length: data.length }, (_, i) => {
    const [block, row, column] = [Math.floor(i / (a * b)), Math.floor((i % (a * b)) / a), i % a]
    return data[block * a * b + column * b + row]
  })
  return { shape: [...shape.slice(0, -2), b, a], data: out }
}

/** A kernel with all its spatial axes reversed. */
function turned({ shape, data }: Hdf5Numbers): Hdf5Numbers {
  const inner = shape.slice(-2).reduce((a, b) => a * b, 1)
  const places = data.length / Math.max(1, inner)
  const out = Float64Array.from({ length: data.length }, (_, i) => {
    const place = Math.floor(i / inner)
    return data[(places - 1 - place) * inner + (i % inner)]
  })
  return { shape, data: out }
}
