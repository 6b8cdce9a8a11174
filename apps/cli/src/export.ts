import { basename, dirname, join, resolve } from 'node:path'
import type { Io } from './io.ts'
import { openModel } from './runs.ts'
import { targets, writeModel } from './writing.ts'

export interface ExportOptions {
  to: string
  output?: string
  batch?: number
  force?: boolean
}

/** Write a model for use elsewhere. */
export async function exportModel(what: string, { to, output, ...options }: ExportOptions, io: Io): Promise<number> {
  const target = targets.find(({ name }) => name === to)!
  const { model } = await openModel(what, io)
  await writeModel(model, target, placeOf(target, output ?? target.path(nameOf(what))), options, io)
  return 0
}

/** A folder was named where the form is several files. */
const placeOf = ({ name, suffix }: { name: string; suffix: RegExp }, path: string) =>
  name === 'tfjs' && !suffix.test(path) ? join(path, 'model.json') : path

/** What a file or folder is called without its suffix; of a model.json its folder. */
export function nameOf(path: string): string {
  const whole = resolve(path)
  const own = basename(whole) === 'model.json' || /^(best|model)$/.test(basename(whole)) ? dirname(whole) : whole
  return basename(own).replace(/(\.weights)?\.(keras|h5|hdf5|h5py|onnx|safetensors|npy|npz|csv)$/i, '') || 'model'
}
