import { fileURLToPath } from 'node:url'

const file = path => fileURLToPath(new URL(path, import.meta.url))
const python = process.env.PYTHON ?? '/usr/bin/python3'
const browser = process.env.CHROMIUM ?? '/usr/bin/chromium'
const node =
  (path, threads, variant = '') =>
  workload => ({
    command: process.execPath,
    args: [file(path), workload, String(threads), variant],
  })
const py =
  (path, threads, variant = '') =>
  workload => ({
    command: python,
    args: [file(path), workload, String(threads), variant],
  })

/** glibc keeps freed memory instead of giving it back: page faults are dear on virtual machines. */
const tuned = { MALLOC_MMAP_THRESHOLD_: '4294967296', MALLOC_TRIM_THRESHOLD_: '4294967296' }

/** The same in the instructions that processors without AVX-512 have. */
const avx2 = { ...tuned, ATEN_CPU_CAPABILITY: 'avx2', ONEDNN_MAX_CPU_ISA: 'AVX2', DNNL_MAX_CPU_ISA: 'AVX2' }

const nabla = (threads, variant) => {
  const work = node('nabla/main.mjs', threads, variant)
  const start = node('nabla/start.mjs', threads)
  return workload => (workload === 'W8' ? start(workload) : work(workload))
}

/**
 * Who is timed on what, in the order they take turns. `needs` are packages of the peers' folder, `python` modules, and
 * `browser` a program; jobs with none of them are Nabla's own and always run.
 */
export const jobs = {
  'nabla 2t': {
    workloads: ['W1', 'W2', 'W3', 'W4', 'W5', 'W7', 'W8', 'convolutions', 'networks'],
    start: nabla(2),
  },
  'nabla 2t, Chromium': { workloads: ['W1', 'W2', 'W3'], start: node('nabla/chromium.mjs', 2), browser },
  'pytorch 2t': {
    workloads: ['W2', 'W3', 'W7'],
    start: py('peers/pytorch.py', 2),
    python: ['torch', 'numpy'],
  },
  'pytorch 2t, tuned allocator': {
    workloads: ['W1', 'W7', 'convolutions', 'networks'],
    start: py('peers/pytorch.py', 2),
    python: ['torch', 'numpy'],
    env: tuned,
  },
  'pytorch 2t, tuned allocator, AVX2': {
    workloads: ['W7', 'convolutions', 'networks'],
    start: py('peers/pytorch.py', 2),
    python: ['torch', 'numpy'],
    env: avx2,
  },
  'pytorch 2t, tuned allocator, NHWC': {
    workloads: ['W1'],
    start: py('peers/pytorch.py', 2, 'nhwc'),
    python: ['torch', 'numpy'],
    env: tuned,
  },
  'nabla 2t, FMA': { workloads: ['W1'], start: nabla(2, 'fma') },
  'nabla 1t': { workloads: ['W1', 'W3', 'W6', 'W7', 'W8', 'convolutions'], start: nabla(1) },
  'pytorch 1t': { workloads: ['W3', 'W7'], start: py('peers/pytorch.py', 1), python: ['torch', 'numpy'] },
  'pytorch 1t, tuned allocator': {
    workloads: ['W1', 'W7', 'convolutions'],
    start: py('peers/pytorch.py', 1),
    python: ['torch', 'numpy'],
    env: tuned,
  },
  'pytorch 1t, tuned allocator, AVX2': {
    workloads: ['W7', 'convolutions'],
    start: py('peers/pytorch.py', 1),
    python: ['torch', 'numpy'],
    env: avx2,
  },
  'pytorch 1t, tuned allocator, NHWC': {
    workloads: ['W1'],
    start: py('peers/pytorch.py', 1, 'nhwc'),
    python: ['torch', 'numpy'],
    env: tuned,
  },
  'nabla 1t, FMA': { workloads: ['W6'], start: nabla(1, 'fma') },
  'peak of one core': { workloads: ['W6'], start: node('nabla/peak.mjs', 1) },
  'bare node': { workloads: ['W8'], start: () => ({ command: process.execPath, args: ['-e', '0'] }), bare: true },
  'numpy 1t': { workloads: ['W3', 'W4'], start: py('peers/numpy_peer.py', 1), python: ['numpy'] },
  'numpy 2t': { workloads: ['W3'], start: py('peers/numpy_peer.py', 2), python: ['numpy'] },
  'onnxruntime-node 1t': {
    workloads: ['W2'],
    start: node('peers/onnxruntime.mjs', 1),
    needs: 'onnxruntime-node',
    model: true,
  },
  'onnxruntime-node 2t': {
    workloads: ['W2'],
    start: node('peers/onnxruntime.mjs', 2),
    needs: 'onnxruntime-node',
    model: true,
  },
  'tfjs-wasm': {
    workloads: ['W1', 'W2', 'W3', 'W8'],
    start: node('peers/tfjs.mjs', 1),
    needs: '@tensorflow/tfjs-backend-wasm',
  },
  'brain.js': { workloads: ['W5', 'W8'], start: node('peers/brain.mjs', 1), needs: 'brain.js' },
  'brain.js beta': { workloads: ['W5', 'W8'], start: node('peers/brain.mjs', 1, 'brain2'), needs: 'brain2' },
  convnetjs: { workloads: ['W1', 'W3', 'W5', 'W8'], start: node('peers/convnetjs.mjs', 1), needs: 'convnetjs' },
  'plain loops': { workloads: ['W4', 'W5'], start: node('peers/plain.mjs', 1), peer: true },
}

export const isPeer = job => Boolean(job.needs || job.python || job.browser || job.peer)

export const workloads = {
  W1: 'train the digit CNN, batch 64',
  W2: 'predict with the digit CNN',
  W3: 'train the MLP 784-128-10, batch 64',
  W4: 'planar 2-4-1, 10,000 full-batch steps',
  W5: '2-2-1, 1,000 epochs of one sample a step',
  W6: 'matrix products on one core',
  W7: 'activations on 4,000,000 numbers',
  W8: 'process start to first trained batch of W3',
  convolutions: '3×3 convolutions of the digit CNN, batch 64',
  networks: 'train other networks, a step',
}

/** Writes the network for onnxruntime. */
export const exportModel = () => py('peers/pytorch.py', 1)('export')

export { browser, python }
