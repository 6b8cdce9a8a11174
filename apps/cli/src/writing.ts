import { dirname, join } from 'node:path'
import { type Model, readSafetensors, StateError, toBytes, writeSafetensors } from 'nabla'
import { exists, makeFolder, writeWhole } from './files.ts'
import { size } from './format.ts'
import type { Io } from './io.ts'
import { waiting } from './waiting.ts'

/** A file to write: its path, and what it holds. */
export type Content = readonly [path: string, content: Uint8Array | string]

/** A form that a model can be written in. */
export interface Target {
  /** What `--to` calls it. */
  readonly name: string
  /** Whether a path is of this form. */
  readonly suffix: RegExp
  /** Where a model of this name goes unless it is told. */
  path(name: string): string
  write(model: Model, path: string, options: TargetOptions): Promise<readonly Content[]> | readonly Content[]
  /** What it does not keep, in words; the training is said by itself. */
  readonly leaves?: string
  /** Whether it has 32-bit numbers alone. */
  readonly narrow?: true
  /** Whether it keeps settings of the training and the state of the optimiser, or is not for training at all. */
  readonly training?: true
}

export interface TargetOptions {
  /** Samples that a script computes together. */
  batch?: number
}

const inFolder = (path: string, files: Readonly<Record<string, Uint8Array>>): Content[] =>
  Object.entries(files)
    .sort(([a], [b]) => Number(a === 'model.json') - Number(b === 'model.json'))
    .map(([name, bytes]) => [join(path, name), bytes])

const single =
  (write: (model: Model) => Promise<Uint8Array> | Uint8Array): Target['write'] =>
  async (model, path) => [[path, await write(model)]]

/** The forms, those with longer suffixes first. */
export const targets: readonly Target[] = [
  {
    name: 'weights.h5',
    suffix: /\.weights\.(h5|hdf5)$/i,
    path: name => `${name}.weights.h5`,
    write: single(async model => (await import('nabla/keras')).toKerasWeights(model)),
    leaves: 'the layers: the file holds weights alone',
  },
  {
    name: 'keras',
    suffix: /\.keras$/i,
    path: name => `${name}.keras`,
    write: single(async model => (await import('nabla/keras')).toKeras(model)),
    training: true,
  },
  {
    name: 'h5',
    suffix: /\.(h5|hdf5)$/i,
    path: name => `${name}.h5`,
    write: single(async model => (await import('nabla/keras')).toKerasH5(model)),
    training: true,
  },
  {
    name: 'onnx',
    suffix: /\.onnx$/i,
    path: name => `${name}.onnx`,
    write: single(async model => (await import('nabla/onnx')).exportOnnx(model)),
  },
  {
    name: 'tfjs',
    suffix: /(^|[\\/])model\.json$/i,
    path: name => join(`${name}-tfjs`, 'model.json'),
    write: async (model, path) => inFolder(dirname(path), (await import('nabla/tfjs')).toTfjs(model)),
    narrow: true,
  },
  {
    name: 'safetensors',
    suffix: /\.safetensors$/i,
    path: name => `${name}.safetensors`,
    write: single(toBytes),
    training: true,
  },
  {
    name: 'nabla',
    suffix: /(^|[\\/])[^.\\/]*[\\/]?$/,
    path: name => name,
    write(model, path) {
      const { tensors, metadata } = readSafetensors(toBytes(model))
      const text = `${JSON.stringify(JSON.parse(metadata['nabla']), null, 2)}\n`
      const files = { 'weights.safetensors': writeSafetensors(tensors), 'model.json': new TextEncoder().encode(text) }
      return inFolder(path, files)
    },
    training: true,
  },
  {
    name: 'js',
    suffix: /\.m?js$/i,
    path: name => `${name}.js`,
    async write(model, path, { batch }) {
      const { toScript } = await import('nabla/script')
      const { code, types } = toScript(model, { batchSize: batch })
      return [
        [path, code],
        [path.replace(/js$/i, 'd.ts').replace(/\.md\.ts$/i, '.d.mts'), types],
      ]
    },
    narrow: true,
    training: true,
  },
  {
    name: 'html',
    suffix: /\.html?$/i,
    path: name => `${name}.html`,
    async write(model, path) {
      const { modelPage } = await import('./modelPage.ts')
      return [[path, modelPage(model)]]
    },
    narrow: true,
    training: true,
  },
]

/** The form of a path, if it has one. */
export const targetOf = (path: string): Target | undefined => targets.find(({ suffix }) => suffix.test(path))

/** Write a model in a form, and say what it does not keep. */
export async function writeModel(
  model: Model,
  target: Target,
  path: string,
  { force, ...options }: TargetOptions & { force?: boolean },
  io: Io,
): Promise<void> {
  for (const loss of lossesOf(model, target)) io.err(`warning: ${target.name} does not keep ${loss}\n`)
  if (model.dtype === 'float64' && (target.name === 'js' || target.name === 'html')) model.use({ dtype: 'float32' })
  const files = await waiting(io, `writing ${path}`, async () => target.write(model, path, options))
  await writeFiles(files, { force }, io)
}

function lossesOf({ training, dtype, step }: Model, target: Target): string[] {
  const found = target.leaves === undefined ? [] : [target.leaves]
  if (training && !target.training) {
    const losses = training.goals.map(({ loss }) => loss.name).join(', ')
    found.push(
      `the training: ${training.optimizer.name}, ${losses}${step > 0 ? `, its state after ${step} steps` : ''}`,
    )
  }
  if (dtype === 'float64' && target.narrow) found.push('64-bit numbers: they are rounded to 32 bits')
  return found
}

/** Write files whole, none over another unless that is wanted. */
export async function writeFiles(files: readonly Content[], { force }: { force?: boolean }, io: Io): Promise<void> {
  if (!force) await refuseExisting(files.map(([path]) => path))
  for (const [path, content] of files) {
    await makeFolder(dirname(path))
    await writeWhole(path, content)
    io.out(`${path}  ${size(typeof content === 'string' ? Buffer.byteLength(content) : content.length)}\n`)
  }
}

/** Say so where a file would be written over. */
export async function refuseExisting(paths: readonly string[]): Promise<void> {
  for (const path of paths)
    if (await exists(path))
      throw new StateError('exists', `"${path}" is there already`, { hint: 'name another place, or pass --force' })
}
