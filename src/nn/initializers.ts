import { ShapeError } from '../errors.ts'
import { printShape } from '../tensor/shape.ts'
import { initializer, orthonormal, truncated } from './initializer.ts'

export * from './initializersOfKernels.ts'

/**
 * Zeros: how biases begin.
 * @equation w = 0
 */
export const zeros = initializer('zeros', {}, ({ size }) => new Float64Array(size))

/**
 * Ones: how scales begin.
 * @equation w = 1
 */
export const ones = initializer('ones', {}, ({ size }) => new Float64Array(size).fill(1))

/**
 * Normal numbers of a mean and a deviation.
 * @equation w \sim N(\mathit{mean}, \mathit{stddev}^2)
 */
export const randomNormal = initializer('randomNormal', { mean: 0, stddev: 0.05 }, ({ size, random }, p) =>
  random.normal(p.mean, p.stddev, size),
)

/**
 * Uniform within ±√(6 / (fanIn + fanOut)). Glorot & Bengio 2010.
 * @equation w \sim U\left(-\ell, \ell\right), \quad \ell = \sqrt{\frac{6}{\mathit{fanIn} + \mathit{fanOut}}}, \quad \operatorname{std} w = \sqrt{\frac{2}{\mathit{fanIn} + \mathit{fanOut}}}
 */
export const glorotUniform = initializer('glorotUniform', {}, ({ size, random, fanIn, fanOut }) => {
  const limit = Math.sqrt(6 / (fanIn + fanOut))
  return random.uniform(-limit, limit, size)
})

/**
 * Truncated normal of variance 2 / (fanIn + fanOut). Glorot & Bengio 2010, cut off as in Keras.
 * @equation w \sim N_{\pm 2}, \quad \operatorname{std} w = \sqrt{\frac{2}{\mathit{fanIn} + \mathit{fanOut}}}
 */
export const glorotNormal = initializer('glorotNormal', {}, ({ size, random, fanIn, fanOut }) =>
  truncated(random, size, Math.sqrt(2 / (fanIn + fanOut))),
)

/**
 * Uniform within ±√(6 / fanIn), for ReLU. He et al. 2015.
 * @equation w \sim U\left(-\ell, \ell\right), \quad \ell = \sqrt{\frac{6}{\mathit{fanIn}}}, \quad \operatorname{std} w = \sqrt{\frac{2}{\mathit{fanIn}}}
 */
export const heUniform = initializer('heUniform', {}, ({ size, random, fanIn }) => {
  const limit = Math.sqrt(6 / fanIn)
  return random.uniform(-limit, limit, size)
})

/**
 * Truncated normal of variance 2 / fanIn, for ReLU. He et al. 2015, cut off as in Keras.
 * @equation w \sim N_{\pm 2}, \quad \operatorname{std} w = \sqrt{\frac{2}{\mathit{fanIn}}}
 */
export const heNormal = initializer('heNormal', {}, ({ size, random, fanIn }) =>
  truncated(random, size, Math.sqrt(2 / fanIn)),
)

/**
 * Uniform within ±√(3 / fanIn): numbers of variance 1 / fanIn. LeCun et al. 1998.
 * @equation w \sim U\left(-\ell, \ell\right), \quad \ell = \sqrt{\frac{3}{\mathit{fanIn}}}, \quad \operatorname{std} w = \sqrt{\frac{1}{\mathit{fanIn}}}
 */
export const lecunUniform = initializer('lecunUniform', {}, ({ size, random, fanIn }) => {
  const limit = Math.sqrt(3 / fanIn)
  return random.uniform(-limit, limit, size)
})

/**
 * Truncated normal of variance 1 / fanIn, for selu. LeCun et al. 1998, cut off as in Keras.
 * @equation w \sim N_{\pm 2}, \quad \operatorname{std} w = \sqrt{\frac{1}{\mathit{fanIn}}}
 */
export const lecunNormal = initializer('lecunNormal', {}, ({ size, random, fanIn }) =>
  truncated(random, size, Math.sqrt(1 / fanIn)),
)

/**
 * One value everywhere.
 * @equation w = \mathit{value}
 */
export const constant = initializer('constant', { value: 0 }, ({ size }, { value }) =>
  new Float64Array(size).fill(value),
)

/**
 * Uniform numbers between two limits.
 * @equation w \sim U(\mathit{minval}, \mathit{maxval}), \quad \operatorname{std} w = \frac{\mathit{maxval} - \mathit{minval}}{\sqrt{12}}
 */
export const randomUniform = initializer('randomUniform', { minval: -0.05, maxval: 0.05 }, ({ size, random }, p) =>
  random.uniform(p.minval, p.maxval, size),
)

/**
 * Normal numbers; those beyond two deviations are drawn again, so that the spread is 0.88 of stddev, as in Keras.
 * @equation w \sim N(\mathit{mean}, \mathit{stddev}^2) \text{ within two deviations}, \quad \operatorname{std} w = 0.88 \, \mathit{stddev}
 */
export const truncatedNormal = initializer('truncatedNormal', { mean: 0, stddev: 0.05 }, ({ size, random }, p) =>
  truncated(random, size, p.stddev * kept).map(z => z + p.mean),
)
const kept = 0.87962566103423978

/**
 * Numbers of variance scale / fan, where fan is 'fanIn', 'fanOut' or 'fanAvg' (their mean), and the numbers are
 * 'truncatedNormal', 'untruncatedNormal' or 'uniform'. All of Glorot's, He's and LeCun's are of this kind.
 * @equation \operatorname{std} w = \sqrt{\frac{\mathit{scale}}{\mathit{fan}}}
 */
export const varianceScaling = initializer(
  'varianceScaling',
  { scale: 1, mode: 'fanIn', distribution: 'truncatedNormal' },
  ({ size, random, fanIn, fanOut }, { scale, mode, distribution }) => {
    const fan = mode === 'fanIn' ? fanIn : mode === 'fanOut' ? fanOut : (fanIn + fanOut) / 2
    const variance = scale / Math.max(1, fan)
    const limit = Math.sqrt(3 * variance)
    if (distribution === 'uniform') return random.uniform(-limit, limit, size)
    if (distribution === 'untruncatedNormal') return random.normal(0, Math.sqrt(variance), size)
    return truncated(random, size, Math.sqrt(variance))
  },
)

/**
 * gain on the diagonal of a matrix, 0 beside it.
 * @equation W = \mathit{gain} \cdot I
 */
export const identity = initializer('identity', { gain: 1 }, ({ shape, size }, { gain }) => {
  if (shape.length !== 2)
    throw new ShapeError('wrong-rank', `identity got ${printShape(shape)}, expected a matrix`, {
      hint: 'use it for the kernel of a dense or recurrent layer',
    })
  const out = new Float64Array(size)
  for (let i = 0; i < Math.min(...shape); i++) out[i * shape[1] + i] = gain
  return out
})

/**
 * A random matrix with orthogonal rows or columns of length gain, whichever are fewer; all axes but the last as one. Saxe et al. 2014.
 * @equation W^\top W = \mathit{gain}^2 \cdot I
 */
export const orthogonal = initializer('orthogonal', { gain: 1 }, ({ shape, size, random }, { gain }) => {
  if (shape.length < 2)
    throw new ShapeError('wrong-rank', `orthogonal got ${printShape(shape)}, expected two axes or more`, {
      hint: 'use it for a kernel',
    })
  const columns = shape[shape.length - 1]
  const rows = size / columns
  const [long, short] = [Math.max(rows, columns), Math.min(rows, columns)]
  const q = orthonormal(random.normal(0, 1, size), long, short)
  // q has `short` orthonormal vectors of length `long`, one after another.
  const w = new Float64Array(size)
  for (let row = 0, i = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      w[i++] = gain * (rows < columns ? q[row * long + column] : q[column * long + row])
  return w
})
