import type { Network, Node } from '../../model/network.ts'
import type { Json } from '../../nn/json.ts'
import { type Shape, sizeOf } from '../../tensor/shape.ts'

/** How one of our arrays lies in PyTorch. */
export interface Piece {
  /** As our layer calls it: `W`. */
  readonly key: string
  /** As PyTorch's module calls it: `weight`; two where our array is two of theirs. */
  readonly names: readonly string[]
  /** How each part of our array is seen before its axes are put in PyTorch's order. */
  readonly seen: Shape
  readonly axes: readonly number[]
  /** The shape in PyTorch, of each part. */
  readonly shape: Shape
  /** Gates in another order along an axis of `seen`. */
  readonly gates?: { readonly axis: number; readonly order: readonly number[] }
  /** Ours is the sum of both. */
  readonly sum?: boolean
  /** PyTorch has several of ours in one array, one below the other: which of how many this is. */
  readonly part?: readonly [index: number, of: number]
  /** Which of a layer's modules it belongs to, and what is behind their common name where only that is given. */
  readonly module?: number
  readonly suffix?: string
  /** The shape that our layer gives it. */
  readonly own?: Shape
}

type Shapes = Readonly<Record<string, Shape>>
/** What a row of the table knows: our shapes, settings, and the image whose flattened numbers the layer reads. */
interface Known {
  readonly shapes: Shapes
  readonly config: Readonly<Record<string, Json>>
  readonly image?: Shape
}
type Rule = (known: Known) => Piece[] | string

const piece = (key: string, name: string, seen: Shape, axes: readonly number[], more: Partial<Piece> = {}): Piece => {
  return { key, names: [name], seen, axes, shape: axes.map(axis => seen[axis]), ...more }
}
const plain = (key: string, name: string) => (shapes: Shapes) =>
  key in shapes
    ? [
        piece(
          key,
          name,
          shapes[key],
          shapes[key].map((_, i) => i),
        ),
      ]
    : []
const bias = plain('b', 'bias')
const window = (shape: Shape) => shape.slice(0, -2).map((_, i) => i)

/** [out, in]; rows behind a flatten go from height, width, channels to channels, height, width. */
const dense: Rule = ({ shapes: { W, ...rest }, image = W.slice(0, 1) }) => [
  piece('W', 'weight', [...image, W[1]], [image.length, ...channelsFirst(image)], { shape: [W[1], W[0]] }),
  ...bias(rest),
]
const channelsFirst = (image: Shape) => [image.length - 1, ...image.slice(1).map((_, i) => i)]

/** OIHW from HWIO; the same order of axes turns HWOI, of a transposed convolution, into IOHW. */
const convolution: Rule = ({ shapes: { W, ...rest } }) => [
  piece('W', 'weight', W, [W.length - 1, W.length - 2, ...window(W)]),
  ...bias(rest),
]
/** [channels·multiplier, 1, window] from [window, channels, multiplier]. */
const depthwise: Rule = ({ shapes: { D, ...rest } }) => {
  const n = D.length - 2
  const shape = [D[n] * D[n + 1], 1, ...D.slice(0, n)]
  return [piece('D', 'weight', D, [n, n + 1, ...window(D)], { shape, suffix: '' }), ...bias(rest)]
}
const separable: Rule = known => [
  ...(depthwise({ ...known, shapes: { D: known.shapes.D } }) as Piece[]).map(p => ({ ...p, suffix: '.depthwise' })),
  ...(convolution({ ...known, shapes: without(known.shapes, 'D') }) as Piece[]).map(p => {
    return { ...p, module: 1, suffix: '.pointwise' }
  }),
]
const without = (shapes: Shapes, key: string) => Object.fromEntries(Object.entries(shapes).filter(([k]) => k !== key))

const statistics = { gamma: 'weight', beta: 'bias', movingMean: 'running_mean', movingVariance: 'running_var' }
/** A number a feature, in PyTorch's order of features. */
const normalization: Rule = ({ shapes, image }) =>
  Object.entries(shapes).map(([key, shape]) => {
    const seen = shape.length === 1 ? (image ?? shape) : shape
    const moved = seen.length > 1 ? channelsFirst(seen) : [0]
    return piece(key, statistics[key as keyof typeof statistics], seen, moved, seen === image ? { shape } : {})
  })

/** Queries, keys and values stand below each other in one array where they see as many features, else each alone. */
const attention: Rule = ({ shapes: { Wq, Wk, Wv, Wo, bo, ...rest } }) => {
  const [features, heads, size] = Wq
  const width = heads * size
  if (width !== features || Wv[2] !== size || Wo[2] !== features)
    return 'its heads do not share the features of the query: keyDim · numHeads must be as many'
  const isJoined = Wk[0] === features && Wv[0] === features
  const all = ['q', 'k', 'v'] as const
  return [
    ...all.flatMap((letter, i) => {
      const seen = [[Wq, Wk, Wv][i][0], width]
      const name = isJoined ? 'in_proj_weight' : `${letter}_proj_weight`
      const part = { part: [i, all.length] } as const
      const weight = piece(`W${letter}`, name, seen, [1, 0], isJoined ? part : {})
      return bo ? [weight, piece(`b${letter}`, 'in_proj_bias', [width], [0], part)] : [weight]
    }),
    piece('Wo', 'out_proj.weight', [width, features], [1, 0]),
    ...plain('bo', 'out_proj.bias')(bo ? { bo } : rest),
  ]
}

/** Parts of a block, each by the rule of its layer, under the name that PyTorch gives it. */
const encoder: Rule = ({ shapes, config }) => {
  const parts = { attention: 'self_attn', norm1: 'norm1', dense1: 'linear1', dense2: 'linear2', norm2: 'norm2' }
  const found = Object.entries(parts).map(([part, name]): Piece[] | string => {
    const own = Object.entries(shapes).flatMap(([key, shape]) =>
      key.startsWith(`${part}.`) ? [[key.slice(part.length + 1), shape]] : [],
    )
    const rule = part === 'attention' ? attention : part.startsWith('norm') ? normalization : dense
    const pieces = rule({ shapes: Object.fromEntries(own), config })
    if (typeof pieces === 'string') return pieces
    return pieces.map(p => ({ ...p, key: `${part}.${p.key}`, names: p.names.map(last => `${name}.${last}`) }))
  })
  return found.find(pieces => typeof pieces === 'string') ?? (found.flat() as Piece[])
}

/** Gates stand in the rows: [gates·units, features]; `order` is theirs in ours. */
const recurrent =
  (gates: number, order = Array.from({ length: gates }, (_, i) => i)): Rule =>
  ({ shapes: { W, U, b }, config }) => {
    if (config.goBackwards) return 'it reads backwards'
    const { activation = 'tanh', recurrentActivation = 'sigmoid' } = config
    if (recurrentActivation !== 'sigmoid' || !(activation === 'tanh' || (gates === 1 && activation === 'relu')))
      return `its activations are not ${gates === 1 ? 'tanh or relu' : 'tanh and sigmoid'}`
    if (config.resetAfter === false) return 'it resets before the product'
    if (!b) return 'it has no bias'
    const units = U[0]
    const rows = (key: string, name: string, features: number) =>
      piece(key, name, [features, gates, units], [1, 2, 0], {
        shape: [gates * units, features],
        gates: { axis: 1, order },
      })
    const both = { names: ['bias_ih_l0', 'bias_hh_l0'], shape: [gates * units], gates: { axis: 0, order } }
    return [
      rows('W', 'weight_ih_l0', W[0]),
      rows('U', 'weight_hh_l0', units),
      piece('b', '', [gates, units], [0, 1], { ...both, sum: b.length === 1 }),
    ]
  }

const bidirectional: Rule = ({ shapes, config }) => {
  if ((config.mergeMode ?? 'concat') !== 'concat') return 'its outputs are not put side by side'
  const { type, config: settings } = config.layer as unknown as { type: string; config: Known['config'] }
  const ways = ['forward_', 'backward_'].map(way => {
    const own = Object.entries(shapes).flatMap(([key, shape]) =>
      key.startsWith(way) ? [[key.slice(way.length), shape]] : [],
    )
    const pieces = rules[type]({ shapes: Object.fromEntries(own), config: settings })
    if (typeof pieces === 'string') return pieces
    const reverse = way === 'forward_' ? '' : '_reverse'
    return pieces.map(p => ({ ...p, key: way + p.key, names: p.names.map(name => name + reverse) }))
  })
  const reason = ways.find(way => typeof way === 'string')
  return reason === undefined ? (ways.flat() as Piece[]) : (reason as string)
}

const timeDistributed: Rule = known => {
  const { type, config } = known.config.layer as unknown as { type: string; config: Known['config'] }
  return Object.hasOwn(rules, type) ? rules[type]({ shapes: known.shapes, config }) : 'PyTorch has no such module'
}

const prelu: Rule = ({ shapes: { alpha } }) =>
  alpha.slice(0, -1).every(n => n === 1)
    ? [piece('alpha', 'weight', alpha.slice(-1), [0])]
    : 'its slopes differ from place to place'

/** How the arrays of each type of layer lie in PyTorch. */
const rules: Readonly<Record<string, Rule>> = {
  dense,
  conv1d: convolution,
  conv2d: convolution,
  conv3d: convolution,
  conv1dTranspose: convolution,
  conv2dTranspose: convolution,
  conv3dTranspose: convolution,
  depthwiseConv1d: depthwise,
  depthwiseConv2d: depthwise,
  separableConv1d: separable,
  separableConv2d: separable,
  batchNormalization: normalization,
  layerNormalization: normalization,
  groupNormalization: normalization,
  instanceNormalization: normalization,
  rmsNormalization: normalization,
  embedding: ({ shapes }) => plain('W', 'weight')(shapes),
  multiHeadAttention: attention,
  transformerEncoder: encoder,
  simpleRnn: recurrent(1),
  lstm: recurrent(4),
  gru: recurrent(3, [1, 0, 2]),
  bidirectional,
  timeDistributed,
  prelu,
}

/** The pieces of a layer's arrays, or why PyTorch has none. */
export function piecesOf(node: Node, network: Network): readonly Piece[] | string {
  const entries = [...node.parameters, ...node.state]
  const { type, config } = node.layer
  if (type === 'reshape' && node.shape.length > 1 && sizeOf(node.shape) !== Math.max(...node.shape))
    if (node.shape[node.shape.length - 1] > 1) return 'its order of numbers depends on where the channels are'
  if (entries.length === 0) return []
  if (!Object.hasOwn(rules, type)) return 'PyTorch has no such module'
  const image = node.inputShapes[0].length === 1 ? flattened(node, network) : undefined
  if (typeof image === 'string') return image
  return rules[type]({ shapes: Object.fromEntries(entries.map(({ key, shape }) => [key, shape])), config, image })
}

const onPlaces =
  /^(conv|depthwise|separable|maxPool|averagePool|globalM|globalA|upSampling|zeroPadding|cropping|spatialDropout|batchN)/
const onSteps =
  /^(lstm|gru|simpleRnn|multiHead|transformer|bidirectional|embedding|timeDistributed|repeatVector|layerN|rmsN)/

/** The image whose numbers in a row a layer reads, where PyTorch has the channels first; a reason where that is not known. */
function flattened({ inputs }: Node, network: Network): Shape | string | undefined {
  const images = inputs.map(index => (index < 0 ? undefined : imageOf(network.nodes[index], network)))
  return images.length > 1 && images.some(Boolean) ? 'it joins several inputs, and some are flattened' : images[0]
}

/** The image whose numbers in a row a layer gives. */
function imageOf(node: Node, network: Network): Shape | string | undefined {
  const { type } = node.layer
  const [image] = node.inputShapes
  if (type === 'flatten' && image.length > 1)
    return image.length > 2 || channelsBefore(node, network) ? image : undefined
  const mixes = node.parameters.length > 0 && !/^(batchN|layerN|rmsN|prelu)/.test(type)
  return mixes || image?.length !== 1 ? undefined : flattened(node, network)
}

/** Whether a sequence comes from layers that PyTorch runs with the channels before the steps. */
function channelsBefore(node: Node, network: Network): boolean {
  for (let [at] = node.inputs; at >= 0; [at] = network.nodes[at].inputs) {
    const { type } = network.nodes[at].layer
    if (onPlaces.test(type)) return true
    if (onSteps.test(type)) return false
  }
  return false
}
