import { axes, type LayerOptions, layer, pair, whole } from '../layer.ts'
import {
  type ActivationChoice,
  type InitializerChoice,
  resolveActivation,
  resolveInitializer,
  type WeightOptions,
} from '../resolve.ts'

export interface DenseOptions extends LayerOptions, WeightOptions {
  /** f; 'linear' leaves z as it is. */
  activation?: ActivationChoice
  /** Whether b is added. */
  useBias?: boolean
  /** How W begins. */
  kernelInitializer?: InitializerChoice
  /** How b begins. */
  biasInitializer?: InitializerChoice
}

/**
 * Each unit weighs all inputs: y = f(x·W + b).
 * @equation y = f(z), \quad z = x W + b
 * @slope dz = dy \odot f^\prime(z), \quad dW = x^\top dz, \quad db = \textstyle\sum dz, \quad dx = dz \, W^\top
 * @shape [inputs] → [units]
 * @param units how many outputs
 * @throws ShapeError when the input has more than one axis
 * @example
 * dense(16, { activation: 'relu' })
 */
export const dense = layer('dense', ['units'], (units: number, options: DenseOptions = {}) => {
  const { activation = 'linear', useBias = true } = options
  const { kernelInitializer = 'glorotUniform', biasInitializer = 'zeros' } = options
  const initial = { W: resolveInitializer(kernelInitializer), b: resolveInitializer(biasInitializer) }
  const f = resolveActivation(activation)
  whole('dense', 'units', units)
  return pair({
    activated: true,
    shapes(input) {
      axes('dense', input, 1, '[features]')
      const [inputs] = input
      const b = useBias ? [units] : undefined
      return { y: f.outputShape([units]), params: { W: [inputs, units], b }, saved: { z: [units] } }
    },
    initial,
    forward(k, { x, W, b, z, y }) {
      k.gemm(z, x, W, { bias: b }) // z = x·W + b
      f.forward(k, { x: z, y }) // y = f(z)
    },
    backward(k, { x, y, W, z, dx, dy, dW, db, dz }) {
      f.backward(k, { x: z, y, dy, dx: dz }) // dz = dy ⊙ f′(z)
      k.gemm(dW, x.T, dz) // dW = xᵀ·dz
      if (useBias) k.sum(db, dz, 'rows') // db = Σ dz
      k.gemm(dx, dz, W.T) // dx = dz·Wᵀ
    },
  })
})
