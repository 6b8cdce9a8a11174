import { geomean } from './timing.mjs'

const pytorch = threads => [`pytorch ${threads}t, tuned allocator`, `pytorch ${threads}t, tuned allocator, NHWC`]
const activations = ['relu', 'sigmoid', 'tanh', 'gelu (erf)', 'gelu (tanh)', 'softmax of 10', 'softmax of 1000']
const squares = ['AB 256', 'AB 512', 'AB 1024']
const backward = ['AᵀB 256', 'AᵀB 512', 'AᵀB 1024', 'AᵀB 288×64×12544', 'AᵀB 576×128×3136']
const passes = ['28×28×1→32', '14×14×32→64', '7×7×64→128'].flatMap(shape =>
  ['forward', 'filters', 'input'].map(pass => `${shape} ${pass}`).filter(name => name !== '28×28×1→32 input'),
)
const networks = [
  ...[
    'LSTM',
    'GRU',
    'transformer',
    '3×3 and pooling',
    'depthwise and 1×1',
    '3×3 with stride 2',
    '5×5',
    '1-d',
    'transposed',
  ],
  'ResNet-18',
]
const peak = { against: ['peak of one core'], peer: '128-bit peak of this core', theirs: ['peak'], share: true }

/**
 * What is to be reached. A row compares `ours` with the best of `against` on `metrics`; several metrics count as their
 * sum where they are times, else as their geometric mean. `atLeast` and `aim` are ratios of speed.
 */
export const targets = [
  {
    workload: 'W1',
    what: 'train the digit CNN, batch 64',
    ours: 'nabla 2t',
    metrics: ['train'],
    peer: 'PyTorch, 2 threads, best layout, tuned allocator',
    against: pytorch(2),
    atLeast: 2,
    aim: 3,
  },
  {
    workload: 'W1',
    what: 'the same on one thread',
    ours: 'nabla 1t',
    metrics: ['train'],
    peer: 'PyTorch, 1 thread, best layout, tuned allocator',
    against: pytorch(1),
    atLeast: 1.6,
    aim: 2,
  },
  {
    workload: 'W1',
    what: 'the same with fused multiply-add',
    ours: 'nabla 2t, FMA',
    metrics: ['train'],
    peer: 'PyTorch, 2 threads, best layout, tuned allocator',
    against: pytorch(2),
    atLeast: 2.5,
    aim: 3.5,
  },
  {
    workload: 'W1',
    what: 'the same in a page of Chromium',
    ours: 'nabla 2t, Chromium',
    metrics: ['train'],
    peer: 'PyTorch, 2 threads, best layout, tuned allocator',
    against: pytorch(2),
  },
  {
    workload: 'W2',
    what: 'predict, batch 256',
    ours: 'nabla 2t',
    metrics: ['batch 256'],
    peer: 'onnxruntime-node, 2 threads',
    against: ['onnxruntime-node 2t'],
    atLeast: 1,
    aim: 1.5,
  },
  {
    workload: 'W2',
    what: 'predict, one image',
    ours: 'nabla 2t',
    metrics: ['one image'],
    peer: 'onnxruntime-node, best of 1 and 2 threads',
    against: ['onnxruntime-node 1t', 'onnxruntime-node 2t'],
    atLeast: 1,
    aim: 2,
  },
  {
    workload: 'W3',
    what: 'train the MLP 784-128-10, batch 64',
    ours: 'nabla 2t',
    metrics: ['train'],
    peer: 'best of NumPy and PyTorch, any threads',
    against: ['numpy 1t', 'numpy 2t', 'pytorch 1t', 'pytorch 2t'],
    atLeast: 1.2,
    aim: 2,
  },
  {
    workload: 'W4',
    what: 'planar 2-4-1, 10,000 full-batch steps',
    ours: 'nabla 2t',
    metrics: ['10,000 steps'],
    peer: 'NumPy float32',
    against: ['numpy 1t'],
    atLeast: 10,
    aim: 20,
  },
  {
    workload: 'W5',
    what: '2-2-1, one sample a step, 4,000 steps',
    ours: 'nabla 2t',
    metrics: ['1,000 epochs'],
    peer: 'brain.js',
    against: ['brain.js', 'brain.js beta'],
    atLeast: 2,
    aim: 5,
  },
  {
    workload: 'W6',
    what: 'products of 256 to 1024',
    ours: 'nabla 1t',
    metrics: squares,
    ...peak,
    atLeast: 0.78,
    aim: 0.85,
  },
  {
    workload: 'W6',
    what: 'AᵀB of the backward passes',
    ours: 'nabla 1t',
    metrics: backward,
    ...peak,
    atLeast: 0.72,
    aim: 0.85,
  },
  {
    workload: 'W6',
    what: 'products of 256 to 1024, FMA',
    ours: 'nabla 1t, FMA',
    metrics: squares,
    ...peak,
    atLeast: 0.93,
    aim: 0.96,
  },
  {
    workload: 'W6',
    what: 'AᵀB of the backward passes, FMA',
    ours: 'nabla 1t, FMA',
    metrics: backward,
    ...peak,
    atLeast: 0.9,
    aim: 0.96,
  },
  ...[2, 1].flatMap(threads =>
    ['', ', AVX2'].map(how => ({
      workload: 'convolutions',
      what: `all passes of the 3×3 convolutions, ${threads}t`,
      ours: `nabla ${threads}t`,
      metrics: passes,
      peer: `oneDNN in PyTorch, ${threads}t, best layout${how}`,
      against: [`pytorch ${threads}t, tuned allocator${how}`],
      atLeast: 1,
      aim: 1.2,
    })),
  ),
  ...['', ', AVX2'].map(how => ({
    workload: 'networks',
    what: 'train other networks, recurrent, residual and so on',
    ours: 'nabla 2t',
    metrics: networks,
    peer: `PyTorch, 2 threads, tuned allocator${how}`,
    against: [`pytorch 2t, tuned allocator${how}`],
  })),
  ...[2, 1].flatMap(threads =>
    [
      ['activations, 4,000,000 numbers', activations, '', 1, 1.5],
      ['activations, 4,000,000 numbers', activations, ', tuned allocator'],
      ['activations, 4,000,000 numbers', activations, ', tuned allocator, AVX2', 1, 1.5],
      ['scale, shift, gelu and mask in one', ['mask · gelu(a·x + b)'], '', 1, 3],
    ].map(([what, metrics, how, atLeast, aim]) => ({
      workload: 'W7',
      what: `${what}, ${threads}t`,
      ours: `nabla ${threads}t`,
      metrics,
      peer: `PyTorch, ${threads}t${how}`,
      against: [`pytorch ${threads}t${how}`],
      atLeast,
      aim,
    })),
  ),
  {
    workload: 'W8',
    what: 'process start to first trained batch',
    ours: 'nabla 2t',
    metrics: ['start'],
    peer: 'fastest JavaScript library',
    against: ['tfjs-wasm', 'brain.js', 'brain.js beta', 'convnetjs'],
    atLeast: 2,
    aim: (peer, bare) => peer / (bare + 40),
  },
]

export const isTime = unit => unit === 'ms' || unit === 's'

/** One figure of a job: the sum of times or the geometric mean of rates, or nothing where one of them is missing. */
function figure(records, workload, job, metrics) {
  const found = metrics.map(metric =>
    records.find(r => r.workload === workload && r.job === job && r.metric === metric),
  )
  if (found.some(record => !record?.value)) return undefined
  const values = found.map(record => record.value)
  const { unit } = found[0]
  return { job, unit, value: isTime(unit) ? values.reduce((a, b) => a + b) : geomean(values) }
}

/** The rows of the table, with what was measured of them. */
export function compare(records) {
  return targets.map(target => {
    const { workload, metrics, theirs = metrics, against, atLeast } = target
    const ours = figure(records, workload, target.ours, metrics)
    const found = against.map(job => figure(records, workload, job, theirs)).filter(Boolean)
    const better = (a, b) => (isTime(a.unit) ? a.value - b.value : b.value - a.value)
    const best = found.sort(better)[0]
    const ratio = ours && best && (isTime(ours.unit) ? best.value / ours.value : ours.value / best.value)
    const bare = figure(records, 'W8', 'bare node', ['start'])
    const aim = typeof target.aim === 'function' ? best && bare && target.aim(best.value, bare.value) : target.aim
    const reached = ratio && atLeast ? (ratio >= (aim ?? Infinity) ? 'aim' : ratio >= atLeast ? 'yes' : 'no') : ''
    return { ...target, ours, best, ratio, aim, reached, error: ours ? undefined : errorOf(records, target) }
  })
}

const errorOf = (records, { workload, ours }) =>
  records.find(r => r.workload === workload && r.job === ours && r.error)?.error
