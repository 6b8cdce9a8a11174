import type { View } from '../../tensor/view.ts'
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

/** All that has features, one after another: samples, or the steps of each sample. */
const rows = (v: View): View => v.matrix(v.shape.length - 1)

/**
 * Each unit weighs all inputs: y = f(x·W + b). Of several axes it takes the last, as in Keras: each step of a sequence,
 * each pixel of an image goes through the same weights.
 * @equation y = f(z), \quad z = x W + b
 * @slope dz = dy \odot f^\prime(z), \quad dW = x^\top dz, \quad db = \textstyle\sum dz, \quad dx = dz \, W^\top
 * @shape [..., inputs] → [..., units]
 * @param units how many outputs
 * @throws ShapeError when the input has no axis
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
      if (input.length === 0) axes('dense', input, 1, '[features]')
      const z = input.with(-1, units)
      const b = useBias ? [units] : undefined
      return { y: f.outputShape(z), params: { W: [input[input.length - 1], units], b }, saved: { z } }
    },
    initial,
    forward(k, { x, W, b, z, y }) {
      k.gemm(rows(z), rows(x), W, { bias: b }) // z = x·W + b
      f.forward(k, { x: z, y }) // y = f(z)
    },
    backward(k, { x, y, W, z, dx, dy, dW, db, dz }) {
      f.backward(k, { x: z, y, dy, dx: dz }) // dz = dy ⊙ f′(z)
      k.gemm(dW, rows(x).T, rows(dz)) // dW = xᵀ·dz
      if (useBias) k.sum(db, dz, 'rows') // db = Σ dz
      k.gemm(rows(dx), rows(dz), W.T) // dx = dz·Wᵀ
    },
  })
})
