import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError, type Model, StateError } from 'nabla'
import type { DataOptions } from './data.ts'
import { exists, restoreFolder } from './files.ts'
import type { Io } from './io.ts'

/** Where runs go when no folder is named. */
export const runsFolder = 'runs'

/** What a run was asked for: the content of `run.json`. */
export interface RunOptions extends DataOptions {
  network: string
  epochs: number
  batch: number
  seed: number
  /** Move, turn and scale the training images a little, differently in each epoch. */
  augment: boolean
  /** What is left of the learning rate at the end, as a share; it falls evenly from epoch to epoch. */
  finalRate: number
}

/** What a run has behind it: the content of `model/progress.json`, written together with the weights. */
export interface Past {
  epochs: number
  history: { epoch: number[]; history: Record<string, number[]> }
  /** Of the finished epochs, validation included. */
  seconds: number
  /** Images trained on, and the time of the training steps alone. */
  images: number
  milliseconds: number
  best?: { epoch: number; accuracy: number; loss: number }
}

export const nothingYet = (): Past => ({
  epochs: 0,
  history: { epoch: [], history: {} },
  seconds: 0,
  images: 0,
  milliseconds: 0,
})

/** runs/digits-20261121-224530, in local time. */
export function freshName(network: string, now = new Date()): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`
  return join(runsFolder, `${network}-${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`)
}

/** The run that was started last. */
export async function newestRun(folder = runsFolder): Promise<string> {
  const names = await readdir(folder).catch(() => [] as string[])
  const times = await Promise.all(
    names.map(async name => ({
      name,
      time: await stat(join(folder, name, 'run.json')).then(
        file => file.mtimeMs,
        () => 0,
      ),
    })),
  )
  const newest = times.filter(({ time }) => time > 0).sort((a, b) => b.time - a.time)[0]
  if (!newest)
    throw new StateError('no-run', `there is no run in "${folder}" to resume`, {
      hint: 'name its folder with --out DIR, or start one without --resume',
    })
  return join(folder, newest.name)
}

/** Read `run.json` and what the run has behind it. */
export async function readRun(folder: string): Promise<{ options: RunOptions; past: Past }> {
  if (!(await exists(join(folder, 'run.json'))))
    throw new StateError('no-run', `"${folder}" holds no run to resume`, {
      hint: 'name the folder of a run with --out DIR, or start one without --resume',
    })
  await restoreFolder(join(folder, 'model'))
  const options = await readJson(join(folder, 'run.json'), isOptions)
  const past = await readJson(join(folder, 'model', 'progress.json'), isPast)
  return { options, past }
}

/** Open a model from a run folder (its best), or of any format that can be loaded. */
export async function openModel(path: string, io: Pick<Io, 'err'>): Promise<{ model: Model; options?: RunOptions }> {
  if (!(await exists(path))) throw notFound(path, await readdir(runsFolder).catch(() => []))
  const { loadAny } = await import('./models.ts')
  const warn = (message: string) => io.err(`note: ${message}\n`)
  if (!(await exists(join(path, 'run.json')))) return { model: await loadAny(path, warn) }
  const options = await readJson(join(path, 'run.json'), isOptions)
  const parts = ['best', 'interrupted', 'model'].map(part => join(path, part))
  for (const part of parts) {
    await restoreFolder(part)
    if (await exists(part)) return { model: await loadAny(part, warn), options }
  }
  throw new StateError('no-model', `the run "${path}" holds no model yet`, {
    hint: 'train it first: nabla train digits --resume --out with this folder',
  })
}

const notFound = (path: string, runs: readonly string[]) =>
  new DataError('no-such-run', `there is no run or model "${path}"`, {
    evidence:
      runs.length > 0
        ? [
            [
              'runs',
              runs
                .slice(-3)
                .map(run => join(runsFolder, run))
                .join(', '),
            ],
          ]
        : [],
    hint: runs.length > 0 ? 'name one of these' : 'train one first: nabla train digits',
  })

async function readJson<T>(path: string, valid: (value: unknown) => value is T): Promise<T> {
  const value = await readAny(path)
  if (valid(value)) return value
  throw new DataError('broken-run', `"${path}" is missing or is not what a run writes`, {
    hint: 'restore the folder from a copy, or train again into a new one',
  })
}

/** An object of JSON, or nothing where a file holds none. */
export async function readAny(path: string): Promise<object | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const isCount = (value: unknown): value is number => typeof value === 'number' && value >= 0

function isOptions(value: unknown): value is RunOptions {
  return (
    isObject(value) &&
    value['network'] === 'digits' &&
    [value['epochs'], value['batch'], value['seed'], value['finalRate'], value['limit'] ?? 1].every(isCount) &&
    typeof value['augment'] === 'boolean' &&
    typeof value['data'] === 'string' &&
    (value['split'] === 'mnist' || value['split'] === 'texts')
  )
}

function isPast(value: unknown): value is Past {
  if (!isObject(value) || !isObject(value['history'])) return false
  const { epoch, history } = value['history']
  return (
    [value['epochs'], value['seconds'], value['images'], value['milliseconds']].every(isCount) &&
    Array.isArray(epoch) &&
    isObject(history) &&
    Object.values(history).every(Array.isArray)
  )
}
