import { axes, type LayerOptions, layer, pair, whole } from '../layer.ts'
import { type InitializerChoice, resolveInitializer, type WeightOptions } from '../resolve.ts'

export interface BilinearOptions extends LayerOptions, WeightOptions {
  /** Whether b is added. */
  useBias?: boolean
  /** How W begins; PyTorch draws from ±1/√inputs. */
  kernelInitializer?: InitializerChoice
  /** How b begins. */
  biasInitializer?: InitializerChoice
}

/**
 * Each unit weighs all products of an element of one input with an element of the other.
 * @equation y_o = \sum_{i,j} u_i \, W_{i,j,o} \, v_j + b_o
 * @slope dW_{i,j,o} = u_i v_j \, dy_o, \quad du_i = \sum_{j,o} W_{i,j,o} v_j \, dy_o, \quad dv_j = \sum_{i,o} u_i W_{i,j,o} \, dy_o
 * @shape two inputs [first], [second] → [units]; W [first, second, units], in PyTorch with units in front
 * @param units how many outputs
 * @throws ShapeError when an input has more than one axis
 * @paper PyTorch's Bilinear; Keras has none
 * @example
 * const [user, product] = [input([8]), input([3])]
 * bilinear(4)([user, product])
 */
export const bilinear = layer('bilinear', ['units'], (units: number, options: BilinearOptions = {}) => {
  const { useBias = true, kernelInitializer = 'glorotUniform', biasInitializer = 'zeros' } = options
  whole('bilinear', 'units', units)
  return pair({
    inputs: [2, 2],
    shapes(...inputs) {
      for (const input of inputs) axes('bilinear', input, 1, '[features]')
      const [[first], [second]] = inputs
      const params = { W: [first, second, units], b: useBias ? [units] : undefined }
      return { y: [units], params, saved: { uW: [second, units] } }
    },
    initial: { W: resolveInitializer(kernelInitializer), b: resolveInitializer(biasInitializer) },
    forward(k, { W, b, uW, y }, [u, v]) {
      k.gemm(uW.matrix(1), u, W.matrix(1)) // u·W, [second, units] for each sample
      const bias = useBias ? b : 0
      const sum = k.scratch('sum', y.shape)
      k.reduce(sum, 'sum', 'v * uW', { v: v.reshape(...v.shape, 1), uW }, [1])
      k.map(y, 'sum + bias', { sum, bias }) // y = Σ v ⊙ u·W + b
    },
    backward(k, { W, uW, dy, dW, db }, [u, v], [du, dv]) {
      const vdy = k.scratch('vdy', uW.shape)
      const slope = dy.reshape(dy.shape[0], 1, units)
      k.map(vdy, 'v * dy', { v: v.reshape(...v.shape, 1), dy: slope })
      k.gemm(dW.matrix(1), u.T, vdy.matrix(1)) // dW = uᵀ·(v ⊗ dy)
      if (useBias) k.sum(db, dy, 'rows') // db = Σ dy
      k.gemm(du, vdy.matrix(1), W.matrix(1).T) // du = (v ⊗ dy)·Wᵀ
      k.reduce(dv, 'sum', 'uW * dy', { uW, dy: slope }, [2]) // dv = Σ u·W ⊙ dy
    },
  })
})
