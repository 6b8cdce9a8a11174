import { appendFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { augment, loadModel, type Model, StateError, type TrainEvent } from 'nabla'
import { classes, type Digits, loadDigits } from './data.ts'
import { exists, makeFolder, mustBeWritable, replaceFolder, sweep, unwritable, writeWhole } from './files.ts'
import { count, percent } from './format.ts'
import type { Io } from './io.ts'
import { digits } from './networks.ts'
import { progress } from './progress.ts'
import { read } from './reading.ts'
import { writeReport } from './report.ts'
import { freshName, newestRun, nothingYet, type Past, type RunOptions, readRun } from './runs.ts'
import { waiting } from './waiting.ts'

export interface TrainOptions extends RunOptions {
  out?: string
  resume?: boolean
  quiet?: boolean
  json?: boolean
  threads?: number
}

const learningRate = 0.001
const stepsKept = 100
const breatheEvery = 50

/** Train a network into a run folder. `given` names the options that were written on the command line. */
export async function train(asked: TrainOptions, given: ReadonlySet<string>, io: Io): Promise<number> {
  const { folder, options, past } = asked.resume ? await resumed(asked, given) : await started(asked)
  const { threads } = asked
  await mustBeWritable(folder)
  const data = await waiting(io, `reading ${options.data}`, () => loadDigits(options))
  const sets = { train: data.train.oneHot(classes), heldOut: data.heldOut.oneHot(classes) }
  const model = asked.resume ? await loadModel(join(folder, 'model'), { threads }) : digits(options.seed, threads)
  const say = asked.quiet || asked.json ? () => {} : io.err
  say(`${folder}: ${count(data.train.size)} images to train on, ${count(data.heldOut.size)} ${data.measure} images\n`)
  await makeFolder(folder) // now that there is something to write
  if (asked.resume) await sweep(folder)
  else await saveLast(folder, model, past)
  await writeWhole(join(folder, 'run.json'), `${JSON.stringify(options, null, 2)}\n`) // last: it makes the folder a run

  const aborted = past.epochs < options.epochs && (await fit(folder, model, sets, options, past, asked, io))
  return finish(folder, data, model, options, past, aborted, asked, io)
}

interface Place {
  folder: string
  options: RunOptions
  past: Past
}

async function started(asked: TrainOptions): Promise<Place> {
  const { out, resume: _resume, quiet: _quiet, json: _json, threads: _threads, ...options } = asked
  const folder = out ?? freshName(options.network)
  if (await exists(join(folder, 'run.json')))
    throw new StateError('run-exists', `"${folder}" already holds a run`, {
      hint: 'go on with it with --resume, or name another folder with --out DIR',
    })
  return { folder, options, past: nothingYet() }
}

async function resumed(asked: TrainOptions, given: ReadonlySet<string>): Promise<Place> {
  const folder = asked.out ?? (await newestRun())
  const { options, past } = await readRun(folder)
  for (const name of ['network', 'batch', 'seed', 'data', 'split', 'limit', 'augment', 'finalRate'] as const)
    if (given.has(name) && asked[name] !== options[name])
      throw new StateError('other-run', `--${name} ${asked[name]} differs from the run in "${folder}"`, {
        evidence: [['run', `--${name} ${options[name] ?? '(all)'}`]],
        hint: `leave --${name} out, or start another run without --resume`,
      })
  return { folder, options: given.has('epochs') ? { ...options, epochs: asked.epochs } : options, past }
}

/** The weights and what lies behind them change together or not at all. */
const saveLast = (folder: string, model: Model, past: Past) =>
  replaceFolder(join(folder, 'model'), async path => {
    await model.save(path)
    await writeWhole(join(path, 'progress.json'), `${JSON.stringify(past)}\n`)
  })

const saveAs = (folder: string, part: string, model: Model) =>
  replaceFolder(join(folder, part), path => model.save(path))

/** Train and keep `past` up to date; true if it was interrupted. */
async function fit(
  folder: string,
  model: Model,
  sets: Pick<Digits, 'train' | 'heldOut'>,
  options: RunOptions,
  past: Past,
  asked: TrainOptions,
  io: Io,
): Promise<boolean> {
  const abort = new AbortController()
  const listening = io.onInterrupt(() => {
    io.err('\nstopping after this step; Ctrl-C again to quit at once\n')
    abort.abort()
  })
  const show = asked.quiet || asked.json ? () => {} : progress(io)
  let aborted = false
  let rested = performance.now()
  let images = 0
  let milliseconds = 0

  const rateOf = (epoch: number) => learningRate * (1 - (epoch / options.epochs) * (1 - options.finalRate))

  const onEvent = async (event: TrainEvent) => {
    if (event.type === 'begin') model.learningRate = rateOf(event.initialEpoch)
    if (event.type === 'epoch') model.learningRate = rateOf(event.epoch + 1)
    show(event)
    if (asked.json) io.out(`${JSON.stringify(event)}\n`)
    if (isKept(event)) append(join(folder, 'events.jsonl'), { ...event, time: new Date().toISOString() })
    if (event.type === 'step') {
      images += event.size
      milliseconds += event.milliseconds
    } else if (event.type === 'epoch') {
      remember(past, event)
      past.images += images
      past.milliseconds += milliseconds
      images = milliseconds = 0
      if (past.best?.epoch === event.epoch) await saveAs(folder, 'best', model)
      await saveLast(folder, model, past)
    } else if (event.type === 'end') aborted = event.reason === 'aborted'
    if (performance.now() - rested > breatheEvery) {
      await breathe() // so that a Ctrl-C is heard
      rested = performance.now()
    }
  }

  try {
    await model.fit(
      options.augment ? augment(sets.train, { shift: 2, rotation: 10, zoom: 0.1, seed: options.seed }) : sets.train,
      {
        batchSize: options.batch,
        epochs: options.epochs,
        initialEpoch: past.epochs,
        shuffle: true,
        seed: options.seed,
        validationData: sets.heldOut,
        callbacks: [onEvent],
        signal: abort.signal,
      },
    )
  } finally {
    listening()
  }
  return aborted
}

function append(path: string, event: object): void {
  try {
    appendFileSync(path, `${JSON.stringify(event)}\n`)
  } catch (error) {
    throw unwritable(path, error)
  }
}

function isKept(event: TrainEvent): boolean {
  if (event.type === 'validation') return false
  return event.type !== 'step' || event.step === event.steps || event.step % Math.ceil(event.steps / stepsKept) === 0
}

/** Add a finished epoch to what lies behind. */
function remember(past: Past, { epoch, metrics, seconds }: TrainEvent & { type: 'epoch' }): void {
  past.epochs = epoch + 1
  past.seconds += seconds
  past.history.epoch.push(epoch)
  for (const [name, value] of Object.entries(metrics)) (past.history.history[name] ??= []).push(value)
  const [accuracy, loss] = [metrics['val_accuracy'] ?? 0, metrics['val_loss'] ?? Number.POSITIVE_INFINITY]
  const { best } = past
  if (!best || accuracy > best.accuracy || (accuracy === best.accuracy && loss < best.loss))
    past.best = { epoch, accuracy, loss }
}

async function finish(
  folder: string,
  data: Digits,
  model: Model,
  options: RunOptions,
  past: Past,
  aborted: boolean,
  asked: TrainOptions,
  io: Io,
): Promise<number> {
  if (aborted && past.epochs === 0) await saveAs(folder, 'interrupted', model)
  else await rm(join(folder, 'interrupted'), { recursive: true, force: true })
  const best = past.best ? await loadModel(join(folder, 'best'), { threads: asked.threads }) : model
  const reading = await read(best, data.heldOut)
  await writeReport(folder, { model: best, data, reading, options, past, aborted })

  const result = `${data.measure} accuracy ${percent(reading.accuracy)} (${count(reading.misread.length)} of ${count(reading.size)} misread)`
  const report = join(folder, 'report.html')
  const { accuracy, loss, size } = reading
  if (asked.json)
    io.out(`${JSON.stringify({ type: 'result', accuracy, loss, misread: size - reading.right, size, report })}\n`)
  else io.out(`${result}\nreport: ${report}\n`)
  if (!aborted) {
    const more = `nabla train ${options.network} --resume --out ${folder} --epochs ${past.epochs + 4}`
    if (!asked.quiet && !asked.json) io.err(`to train on: ${more}\n`)
    return 0
  }
  io.err(`stopped after ${past.epochs} of ${options.epochs} epochs\n`)
  io.err(`to go on: nabla train ${options.network} --resume --out ${folder}\n`)
  return 130
}
