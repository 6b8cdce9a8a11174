import { DataError, type Model, writeSafetensors } from 'nabla'
import { fileKind, type NamedArray, readArrays } from 'nabla/inspect'
import { isFolder } from './data.ts'

import { exists } from './files.ts'
import type { Io } from './io.ts'
import { openModel } from './runs.ts'
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
  const found = holdsModel ? weightsOf((await openModel(from, io)).model) : await readArrays(from)
  await writeFiles([[to, await arrays[1](found, to)]], options, io)
  return 0
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

const weightsOf = (model: Model): NamedArray[] => model.weights()

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
function table({ shape, data }: NamedArray, path: string): string {
  if (shape.length > 2)
    throw new DataError('not-a-table', `"${path}" takes rows and columns, but the array has ${shape.length} axes`, {
      evidence: [['shape', `[${shape.join(', ')}]`]],
      hint: 'convert to .npy, which has as many axes as you like',
    })
  const width = shape.length === 2 ? shape[1] : 1
  const lines: string[] = []
  for (let at = 0; at < data.length; at += width) lines.push(Array.from(data.subarray(at, at + width), String).join())
  return `${lines.join('\n')}\n`
}
