// A model as one ES module that needs nothing: what is compiled for it, its numbers, and some lines that speak to both.
import { nothingElse, ShapeError } from '../../errors.ts'
import type { Model } from '../../model/face.ts'
import type { Port } from '../../model/network.ts'
import { sizeOf } from '../../tensor/shape.ts'

export interface ScriptOptions {
  /** Samples that are computed together: more are faster where many are asked for at once, 1 where they come one by one. */
  batchSize?: number
}

/** A module and its types. */
export interface Script {
  /** For a file that ends in .js or .mjs. */
  readonly code: string
  /** For a file of the same name that ends in .d.ts or .d.mts. */
  readonly types: string
}

/**
 * A model as one ES module without dependencies, for Node 20, browsers and workers: `predict` gives the same bits as
 * `model.predict` on one thread, at once. It exports `inputs` and `outputs` too: the shape of a sample of each, by name.
 *
 * @param options.batchSize 1 … 4096
 * @throws BackendError `not-compiled` for a model in float64; `no-kernel`; ShapeError `batch-size`
 * @example
 * const { code } = toScript(model)
 * await writeFile('digits.js', code) // import { predict } from './digits.js'
 */
export function toScript(model: Model, { batchSize = 1, ...others }: ScriptOptions = {}): Script {
  nothingElse('toScript', others, { batchSize })
  if (!(Number.isInteger(batchSize) && batchSize >= 1 && batchSize <= 4096))
    throw new ShapeError('batch-size', `toScript got batchSize ${batchSize}, expected a whole number 1 … 4096`, {
      hint: 'leave it out to compute one sample at a time',
    })
  const { inputs, outputs } = model.network
  const title = model.name.replace(/[^\w .-]/g, '_').slice(0, 80)
  return { code: codeOf(model, batchSize, title), types: typesOf(inputs, outputs, title) }
}

function codeOf(model: Model, batchSize: number, title: string): string {
  const { module, pages, contents, x, out } = model.freeze(batchSize)
  const { inputs, outputs, inputShape, outputShape } = model.network
  const [I, O] = [sizeOf(inputShape), sizeOf(outputShape)]
  return `// ${title}: a neural network as WebAssembly. One ES module, no dependencies; made with Nabla.
const bytes = text => {
  const characters = atob(text)
  const array = new Uint8Array(characters.length)
  for (let i = 0; i < array.length; i++) array[i] = characters.charCodeAt(i)
  return array
}
const memory = new WebAssembly.Memory({ initial: ${pages}, maximum: ${pages} })
const { instance } = await WebAssembly.instantiate(
  bytes('${base64(module)}'),
  { env: { memory, fallback() {} } },
)
for (const [start, text] of [
${contents
  .flatMap(pieces)
  .map(({ start, bytes }) => `  [${start}, '${base64(bytes)}'],\n`)
  .join('')}])
  new Uint8Array(memory.buffer).set(bytes(text), start)
const { settle, step } = instance.exports
settle()
const x = new Float32Array(memory.buffer, ${x}, ${batchSize * I})
const y = new Float32Array(memory.buffer, ${out}, ${batchSize * O})

/** The shape of a sample of each input. */
export const inputs = Object.fromEntries(${shapes(inputs)})
/** The shape of a sample of each output. */
export const outputs = Object.fromEntries(${shapes(outputs)})

/** ${about(inputs, outputs)} */
export function predict(${inputs.length > 1 ? 'samples' : 'x'}) {
  return ${leave(outputs, O, `run(${enter(inputs, I)})`)}
}

function run(samples) {
  const rows = samples.length / ${I}
  if (!Number.isInteger(rows)) throw new TypeError(\`predict got \${samples.length} numbers, expected a multiple of ${I}\`)
  const results = new Float32Array(rows * ${O})
  for (let row = 0; row < rows; row += ${batchSize}) {
    const count = Math.min(${batchSize}, rows - row)
    x.set(samples.subarray(row * ${I}, (row + count) * ${I}))
    step(0)
    results.set(y.subarray(0, count * ${O}), row * ${O})
  }
  return results
}

function flat(list) {
  if (ArrayBuffer.isView(list)) return list
  return Float64Array.from(Array.from(list, item => (typeof item === 'number' ? item : [...flat(item)])).flat())
}
${inputs.length > 1 ? joined : ''}${outputs.length > 1 ? parted : ''}`
}

/** Several inputs are one row of numbers a sample; several outputs come out of one. */
const enter = (inputs: readonly Port[], size: number) => (inputs.length > 1 ? `join(samples, ${size})` : 'flat(x)')
const leave = (outputs: readonly Port[], size: number, run: string) =>
  outputs.length > 1 ? `part(${run}, ${size})` : run

const joined = `
function join(samples, width) {
  const parts = Object.entries(inputs).map(([name, shape]) => {
    if (!Object.hasOwn(samples, name)) throw new TypeError(\`predict got no input "\${name}"\`)
    return { numbers: flat(samples[name]), size: shape.reduce((a, b) => a * b, 1), name }
  })
  const rows = parts[0].numbers.length / parts[0].size
  const all = new Float64Array(Math.ceil(rows) * width)
  let at = 0
  for (const { numbers, size, name } of parts) {
    if (numbers.length !== rows * size || !Number.isInteger(rows))
      throw new TypeError(\`predict got \${numbers.length} numbers for "\${name}", expected \${size} a sample\`)
    for (let row = 0; row < rows; row++) all.set(numbers.subarray(row * size, (row + 1) * size), row * width + at)
    at += size
  }
  return all
}
`

const parted = `
function part(results, width) {
  const rows = results.length / width
  let at = 0
  return Object.fromEntries(
    Object.entries(outputs).map(([name, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1)
      const own = new Float32Array(rows * size)
      for (let row = 0; row < rows; row++) {
        const from = row * width + at
        own.set(results.subarray(from, from + size), row * size)
      }
      at += size
      return [name, own]
    }),
  )
}
`

function typesOf(inputs: readonly Port[], outputs: readonly Port[], title: string): string {
  const shape = (ports: readonly Port[]) =>
    `{ ${ports.map(({ name, shape }) => `readonly ${key(name)}: readonly [${shape.join(', ')}]`).join('; ')} }`
  const fields = (ports: readonly Port[], type: string) =>
    `{ ${ports.map(({ name }) => `readonly ${key(name)}: ${type}`).join('; ')} }`
  return `// ${title}
/** Numbers one after another, or lists of them within each other; of one sample or several. */
export type Samples = ArrayLike<number> | readonly Samples[]

/** The shape of a sample of each input. */
export declare const inputs: ${shape(inputs)}
/** The shape of a sample of each output. */
export declare const outputs: ${shape(outputs)}

/** ${about(inputs, outputs)} */
export declare function predict(${
    inputs.length > 1 ? `samples: ${fields(inputs, 'Samples')}` : 'x: Samples'
  }): ${outputs.length > 1 ? fields(outputs, 'Float32Array') : 'Float32Array'}
`
}

const about = (inputs: readonly Port[], outputs: readonly Port[]) =>
  `The outputs of one sample or several: ${[inputs, outputs]
    .map(ports => ports.map(({ shape }) => `[${shape.join(', ')}]`).join(' and '))
    .join(' in, ')} out.`

/** Layers have names of letters, digits, _ - and . alone. */
const key = (name: string) => (/^[a-z_]\w*$/i.test(name) ? name : `'${name}'`)
const shapes = (ports: readonly Port[]) =>
  `[${ports.map(({ name, shape }) => `['${name}', [${shape.join(', ')}]]`).join(', ')}]`

const most = 3 * 2 ** 16

/** Some numbers and where they begin, cut: what engines need for one text grows with the square of its length. */
const pieces = ({ start, bytes }: { start: number; bytes: Uint8Array }) =>
  Array.from({ length: Math.ceil(bytes.length / most) }, (_, i) => ({
    start: start + i * most,
    bytes: bytes.subarray(i * most, (i + 1) * most),
  }))

const letters = new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
const decoder = new TextDecoder()

function base64(bytes: Uint8Array): string {
  const text = new Uint8Array(4 * Math.ceil(bytes.length / 3))
  for (let from = 0, to = 0; from < bytes.length; from += 3) {
    const bits = (bytes[from] << 16) | (bytes[from + 1] << 8) | bytes[from + 2] // behind the end are zeros
    text[to++] = letters[bits >>> 18]
    text[to++] = letters[(bits >>> 12) & 63]
    text[to++] = letters[(bits >>> 6) & 63]
    text[to++] = letters[bits & 63]
  }
  return decoder.decode(text.fill('='.charCodeAt(0), text.length - ((3 - (bytes.length % 3)) % 3)))
}
