import { initializer, truncatedNormal } from './initializer.ts'

export const zeros = initializer('zeros', {}, ({ size }) => new Float64Array(size))

export const ones = initializer('ones', {}, ({ size }) => new Float64Array(size).fill(1))

export const randomNormal = initializer('randomNormal', { mean: 0, deviation: 0.05 }, ({ size, random }, p) =>
  random.normal(p.mean, p.deviation, size),
)

/** Uniform within ±√(6 / (fanIn + fanOut)). Glorot & Bengio 2010. */
export const glorotUniform = initializer('glorotUniform', {}, ({ size, random, fanIn, fanOut }) => {
  const limit = Math.sqrt(6 / (fanIn + fanOut))
  return random.uniform(-limit, limit, size)
})

/** Truncated normal of variance 2 / (fanIn + fanOut). Glorot & Bengio 2010, cut off as in Keras. */
export const glorotNormal = initializer('glorotNormal', {}, ({ size, random, fanIn, fanOut }) =>
  truncatedNormal(random, size, Math.sqrt(2 / (fanIn + fanOut))),
)

/** Uniform within ±√(6 / fanIn), for ReLU. He et al. 2015. */
export const heUniform = initializer('heUniform', {}, ({ size, random, fanIn }) => {
  const limit = Math.sqrt(6 / fanIn)
  return random.uniform(-limit, limit, size)
})

/** Truncated normal of variance 2 / fanIn, for ReLU. He et al. 2015, cut off as in Keras. */
export const heNormal = initializer('heNormal', {}, ({ size, random, fanIn }) =>
  truncatedNormal(random, size, Math.sqrt(2 / fanIn)),
)
