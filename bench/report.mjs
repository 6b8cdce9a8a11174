import { isPeer, jobs, workloads } from './jobs.mjs'
import { compare, isTime } from './targets.mjs'

const digits = value =>
  value >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)))
const figure = found => (found ? `${digits(found.value)} ${found.unit}` : '–')
const times = (ratio, share) =>
  ratio === undefined ? '–' : share ? `${Math.round(ratio * 100)} %` : `${ratio.toFixed(2)}×`

/** The rows of the comparison as texts; without peers only those of which there is something to tell. */
export const rows = (records, { workloads: chosen = Object.keys(workloads), peers = true } = {}) =>
  compare(records)
    .filter(({ workload, ours }) => chosen.includes(workload) && (peers || ours))
    .map(({ workload, what, ours, peer, best, against, ratio, share, atLeast, aim, reached, error }) => [
      /^W/.test(workload) ? workload : '',
      what,
      error ?? figure(ours),
      against.length > 1 && best ? best.job : peer,
      figure(best),
      times(ratio, share),
      times(atLeast, share),
      times(aim, share),
      reached,
    ])

export const head = ['', 'workload', 'Nabla', 'peer', 'its figure', 'ratio', 'at least', 'aim', 'reached']
const right = new Set([
  'Nabla',
  'its figure',
  'ratio',
  'at least',
  'aim',
  'value',
  'best',
  'rounds',
  'others',
  'stolen',
])

/** A table for the terminal. */
export function plain(names, lines) {
  const widths = names.map((name, i) => Math.max(name.length, ...lines.map(line => line[i].length)))
  const show = line =>
    line.map((cell, i) => (right.has(names[i]) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  ')
  return [names, ...lines].map(line => show(line).trimEnd()).join('\n')
}

function markdown(names, lines) {
  const row = cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [row(names), row(names.map(name => (right.has(name) ? '--:' : '---'))), ...lines.map(row)].join('\n')
}

const cores = value => (value === undefined ? '–' : value.toFixed(2))

function everything(records, workload) {
  const lines = records
    .filter(record => record.workload === workload)
    .map(r =>
      r.error
        ? [r.job, r.metric, r.error, '', '', '', '']
        : [r.job, r.metric, figure(r), digits(r.best), String(r.rounds.length), cores(r.other_cpu), cores(r.steal)],
    )
  return markdown(['who', 'what', 'value', 'best', 'rounds', 'others', 'stolen'], lines)
}

/** Lines about what got slower: by the ratio where peers ran too, else by Nabla's own figure. */
export function slower(records, before) {
  const old = compare(before)
  const lines = compare(records).flatMap(({ what, ratio, ours }, i) => {
    const [now, then] = ratio && old[i].ratio ? [ratio, old[i].ratio] : [speed(ours), speed(old[i].ours)]
    if (!(now < then / 1.2)) return []
    const kind = ratio && old[i].ratio ? 'ratio' : 'own figure, without peers'
    return [`slower by ${Math.round((then / now - 1) * 100)} %: ${what} (${kind})`]
  })
  return lines.length > 0 ? lines : ['nothing got slower by more than 20 %']
}
const speed = figure => figure && (isTime(figure.unit) ? 1 / figure.value : figure.value)

/** Where the time of a step of W1 goes: the kernels that take more than a share in a hundred, and the sum of all. */
function largest(records) {
  const table = records.find(record => record.kernels)?.kernels.split('\n')
  if (!table) return ''
  const share = line => Number(line.match(/([\d.]+) %/)?.[1] ?? 100)
  return `## Where the time goes

The kernels of a training step of W1 on one thread that take 1 % or more of it. A kernel's limit is the longer of two
times: its floating-point operations at the speed of the core's 128-bit units, and its bytes at the speed of memory;
caches are faster than memory, so that some come below it. Winograd's operations count those of its products alone.

\`\`\`
${table.filter(line => share(line) >= 1).join('\n')}
\`\`\`

`
}

/** The page of results. */
export function page({ machine, date, command, records }) {
  const versions = Object.keys(jobs)
    .filter(name => isPeer(jobs[name]))
    .flatMap(name => records.find(record => record.job === name && record.version) ?? [])
    .map(record => `${record.job.replace(/ \dt.*/, '')} ${record.version}`)
  const done = Object.keys(workloads).filter(name => records.some(record => record.workload === name))
  return `# Performance

This page is written by \`npm run bench\`; do not edit it. Every figure is the median of rounds in which Nabla and its
peers took turns on the same machine. Ratios are of speed: 2× is twice as fast. Nabla runs as it comes, in plain 128-bit
SIMD; "FMA" is the opt-in with fused multiply-add. 2t means two threads. Peers in machine code use the widest
instructions the processor has, up to four times as wide as WebAssembly's; "AVX2" keeps PyTorch to twice as wide.

- Machine: ${machine.processor}${machine.instructions ? ` with ${machine.instructions}` : ''}, ${machine.cores} cores, ${machine.memory}, ${machine.system}, Node ${machine.node}
- Measured: ${date} with \`${command}\`
- Peers: ${[...new Set(versions)].join(', ') || 'none'}

${markdown(head, rows(records))}

A row of several figures (W6, W7, convolutions, networks) compares the geometric mean of rates or the sum of times. The peak of W6 is
measured by products and sums that never leave the registers.

${largest(records)}## Everything measured

"others" and "stolen" say how many cores other processes and the hypervisor took, in the worst round: where they are not
near 0, the figures of that line are too low, and more so for two threads.

${done.map(name => `### ${name}: ${workloads[name]}\n\n${everything(records, name)}`).join('\n\n')}

## What is in the way of the rest

- **W5.** A step of nine weights takes 0.05 µs in WebAssembly, nearly all of it one chain of operations that wait for each other:
  as much as the same step written by hand. What is left of a fit is JavaScript that runs once: reading options, finding the plan, an
  engine and its first weights, the sums of a thousand epochs. All of a fit takes 0.3 to 0.5 ms where the JavaScript engine has compiled it
  ("again"), two to four times as long in the first fits of a process, and the median of nine fits lies on that slope. It would
  take less code, or an engine that keeps compiled code.
- **W8.** What the parts of a start take stands in the table of W8. Reading source is a fifth: 620 KB, of which a start
  runs a third (every name is public and synchronous, so nothing can be loaded later). Planning and writing kernels is the
  largest part, a thousand functions without a hot spot; for a second model in the same process all of it takes 6 ms, so that
  nine tenths are the JavaScript engine reading, compiling and learning code that runs once. Handed the compiled code by
  \`vm.Script\` (cachedData, Node 20) the same start took 75 ms instead of 108; Node 24 with \`NODE_COMPILE_CACHE\` 89 instead
  of 110. Kernels written ahead for common shapes would save some 20 ms more.
- **3×3 convolutions.** Winograd's products take about 88 % of what 128-bit units can do, and the tiles around them a fifth
  of the time. oneDNN with AVX-512 has units that are four times as wide, and sums directly: it comes out even.
- **Other networks.** Recurrent layers, transformers and transposed convolutions are far ahead, for PyTorch does them by many
  small calls; kernels of 4 taps and more are, for tiles save most there. A stride of two with 3×3 is behind: of nine products
  tiles leave six, for oneDNN's wider units to do nine. So is ResNet-18 at 16 images a step: its last filters are larger than
  the caches, and to turn them to tiles and back takes a fifth as long as the products.
- **W1.** Of a step two thirds are those convolutions; of the rest most goes over arrays that batch normalisation keeps from
  passing through in one go (two passes each way), at the speed of the outer caches.

## What is not like for like

- tfjs-wasm has no gradient of convolution filters; the benchmark adds one made of nine products.
- convnetjs has no batch normalisation, no leaky ReLU and no Adam (adadelta is used), and takes one image at a time.
- brain.js trains W8 one sample at a time with sigmoids only, without softmax or Adam.
- NumPy and the plain loops are written by hand for the workload.
- "fit" goes through all of \`model.fit\`: shuffling, copying batches, events. "train" steps over batches made before.
- "again" trains a model that has been trained before: what planning and compiling costs is the difference.
- The tuned allocator keeps freed memory (\`MALLOC_MMAP_THRESHOLD_\`, \`MALLOC_TRIM_THRESHOLD_\` = 4 GiB); without it
  PyTorch loses much to page faults on a virtual machine.

## Run it

\`\`\`sh
npm run bench                        # Nabla alone
npm run bench -- --install-peers     # once: the npm peers into ~/.cache/nabla-peers (or PEERS_DIR)
npm run bench -- --peers             # everything; writes bench/results.json and this page
npm run bench -- --peers --only W1,W3 --quick
npm run bench -- --check             # what got slower since the last commit
\`\`\`
`
}
