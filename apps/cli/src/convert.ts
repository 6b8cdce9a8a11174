import { DataError, NablaError, writeSafetensors } from 'nabla'
import { fileKind, type NamedArray, readArrays } from 'nabla/inspect'
import { isFolder } from './data.ts'

import { exists } from './files.ts'
import type { Io } from './io.ts'
import { openModel } from './runs.ts'
import { waiting } from './waiting.ts'
import { refuseExisting, targetOf, writeFiles, writeModel } from './writing.ts'

export interface ConvertOptions {
  batch?: number
  force?: boolean
}

/** What arrays can be written as, by suffix. */
const arrayFiles: readonly (readonly [
  suffix: RegExp,
  write: (arrays: readonly NamedArray[], path: string) => Promise<Uint8Array | string>,
])[] = [
  [/\.npz$/i, async arrays => (await import('nabla/npy')).writeNpz(Object.fromEntries(arrays.map(a => [a.name, a])))],
  [/\.npy$/i, async (arrays, path) => (await import('nabla/npy')).writeNpy(only(arrays, path))],
  [/\.safetensors$/i, async arrays => writeSafetensors(arrays)],
  [/\.csv$/i, async (arrays, path) => table(only(arrays, path), path)],
]

/** Turn one file into another, by their suffixes: models of any form, or arrays. */
export async function convert(from: string, to: string, options: ConvertOptions, io: Io): Promise<number> {
  if (!(await exists(from)))
    throw new DataError('no-such-file', `there is no file or folder "${from}"`, { hint: 'check the path' })
  const target = targetOf(to)
  const arrays = arrayFiles.find(([suffix]) => suffix.test(to))
  if (!target && !arrays)
    throw new DataError('unknown-suffix', `"${to}" has a suffix that nothing is written as`, {
      evidence: [
        ['models', '.keras .h5 .weights.h5 .onnx .safetensors .js .html, model.json (TensorFlow.js), a folder (ours)'],
        ['arrays', '.npz .npy .safetensors .csv'],
      ],
      hint: 'end the name of the second file in one of these',
    })
  const holdsModel = await isModel(from)
  if (target && holdsModel) {
    const { model } = await openModel(from, io)
    await writeModel(model, target, to, options, io)
    return 0
  }
  if (!arrays)
    throw new DataError('no-model', `"${from}" holds no model, which ${to} needs`, {
      hint: 'arrays become .npz, .npy, .safetensors or .csv',
    })
  if (!options.force) await refuseExisting([to])
  if (holdsModel) io.err('warning: arrays alone: the layers are left out\n')
  await writeFiles(
    [[to, await waiting(io, `reading ${from}`, async () => arrays[1](await arraysIn(from, io), to))]],
    options,
    io,
  )
  return 0
}

/** Arrays by the names that our layers give them, where these are Keras's or ours; else as the file calls them. */
async function arraysIn(path: string, io: Io): Promise<readonly NamedArray[]> {
  const named =
    (await isFolder(path)) || (['nabla', 'keras', 'hdf5'].includes(await fileKind(path)) && (await isModel(path)))
  if (!named) return readArrays(path)
  try {
    return (await openModel(path, io)).model.weights()
  } catch (error) {
    if (!(error instanceof NablaError) || (await isFolder(path))) throw error
    io.err(`note: named as in the file, because ${error.message.split('\n')[0]}\n`)
    return readArrays(path)
  }
}

/** Whether there is a model in a file or folder, as far as its kind tells. */
async function isModel(path: string): Promise<boolean> {
  if (await isFolder(path)) return true
  const kind = await fileKind(path)
  if (kind === 'safetensors' || kind === 'hdf5') {
    const { inspect } = await import('nabla/inspect')
    const found = await inspect(path)
    return 'layers' in found.tables
  }
  return ['keras', 'tfjs', 'nabla', 'onnx'].includes(kind)
}

function only(arrays: readonly NamedArray[], path: string): NamedArray {
  if (arrays.length === 1) return arrays[0]
  throw new DataError('several-arrays', `"${path}" holds one array, but there are ${arrays.length} to write`, {
    evidence: [
      [
        'arrays',
        arrays
          .slice(0, 8)
          .map(({ name }) => name)
          .join(', ')
          .slice(0, 200),
      ],
    ],
    hint: 'convert to .npz or .safetensors, which hold several',
  })
}

/** A row a line; every number as short as it comes back the same. */
export function table({ shape, data }: NamedArray, path: string): Uint8Array {
  if (shape.length > 2)
    throw new DataError('not-a-table', `"${path}" takes rows and columns, but the array has ${shape.length} axes`, {
      evidence: [['shape', `[${shape.join(', ')}]`]],
      hint: 'convert to .npy, which has as many axes as you like',
    })
  const width = shape.length === 2 ? shape[1] : 1
  const parts: Uint8Array[] = []
  let text = ''
  for (let at = 0; at < data.length; at += width) {
    text += `${data.subarray(at, at + width).join()}\n`
    if (text.length < 2 ** 20 && at + width < data.length) continue
    parts.push(Buffer.from(text)) // a text has at most 512 MB
    text = ''
  }
  return Buffer.concat(parts)
}
