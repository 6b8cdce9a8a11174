/** `npm run example -- NAME` runs the program of that name in this folder; without a name it lists them. */
const examples: Record<string, [about: string, load: () => Promise<unknown>]> = {
  activations: ['step, linear, sigmoid and ReLU', () => import('./activations.ts')],
  softmax: ['sums along axes, and probabilities that do not overflow', () => import('./softmax.ts')],
  spiral: ['a dense layer in batches: 2-3-3 on the spiral', () => import('./spiral.ts')],
  sine: ['what weights and biases do, and a sine set by hand', () => import('./sine.ts')],
  planar: ['forward and backward by hand on a flower', () => import('./planar.ts')],
  curves: ['six activations and their derivatives', () => import('./curves.ts')],
  comparison: ['one network with each of ten activations', () => import('./comparison.ts')],
  digits: ['handwritten digits [--limit 6000] [--epochs 1]', () => import('./digits.ts')],
  perceptron: ['to hike or not, a neuron, and learning by trial', () => import('./perceptron.ts')],
  people: ['the smallest network that learns, one sample at a time', () => import('./people.ts')],
}

const name = process.argv[2]
if (Object.hasOwn(examples, name ?? '')) await examples[name][1]()
else {
  if (name) console.error(`There is no example "${name}".\n`)
  console.log('npm run example -- NAME\n')
  for (const [key, [about]] of Object.entries(examples)) console.log(`  ${key.padEnd(12)} ${about}`)
  process.exitCode = name ? 2 : 0
}
