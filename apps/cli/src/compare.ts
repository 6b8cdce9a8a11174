import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Activation, activation, activations, DataError, nearest, StateError } from 'nabla'
import pico from 'picocolors'
import { writeComparison } from './comparison.ts'
import { exists, makeFolder, mustBeWritable, sweep, writeWhole } from './files.ts'
import { percent } from './format.ts'
import type { Io } from './io.ts'
import { type Row, rank, time, verdict } from './rank.ts'
import { freshName, runsFolder } from './runs.ts'
import { loadTask, type Task, type TaskOptions } from './task.ts'
import { lookAtUnits } from './units.ts'
import { waiting } from './waiting.ts'

/** What a comparison was asked for: kept in compare.json. */
export interface CompareOptions extends Omit<TaskOptions, 'threads'> {
  /** Names, or formulas of x. */
  activations: string[]
  seeds: number
  epochs?: number
}

export interface CompareCommand extends CompareOptions {
  out?: string
  resume?: boolean
  quiet?: boolean
  json?: boolean
  threads?: number
}

/** One training. */
export interface Outcome {
  activation: string
  seed: number
  /** On the held-out samples, at the end and after each epoch. */
  accuracy: number
  /** null when it became infinite. */
  loss: number | null
  curve: number[]
  seconds: number
  dead?: number
  saturated?: number
}

interface State {
  options: CompareOptions
  outcomes: Outcome[]
}

/** Train one network with each activation from each seed, and say which to choose. */
export async function compare(asked: CompareCommand, given: ReadonlySet<string>, io: Io): Promise<number> {
  const { folder, state } = asked.resume ? await resumed(asked, given) : await started(asked)
  const { options, outcomes } = state
  const choices = options.activations.map(resolve)
  await mustBeWritable(folder)
  const task = await waiting(io, `reading ${options.data}`, () => loadTask({ ...options, threads: asked.threads }))
  const file = join(folder, 'compare.json')
  await makeFolder(folder) // now that there is something to write
  if (asked.resume) await sweep(folder)
  await writeWhole(file, json(state))
  const abort = new AbortController()
  const listening = io.onInterrupt(() => abort.abort())
  const show = asked.quiet || asked.json ? silent : live(options, outcomes, io)
  if (!asked.quiet && !asked.json)
    io.err(
      `${folder}: network ${task.network}, ${task.train.size} samples to train on, ${task.heldOut.size} held out\n`,
    )
  try {
    for (let seed = 1; seed <= options.seeds; seed++)
      for (const [i, choice] of choices.entries()) {
        const name = options.activations[i]
        if (abort.signal.aborted || outcomes.some(done => done.activation === name && done.seed === seed)) continue
        const outcome = await once(task, name, choice, seed, options, abort.signal, show.working)
        if (!outcome) continue
        outcomes.push(outcome)
        await writeWhole(file, json(state))
        if (asked.json) io.out(`${JSON.stringify({ type: 'outcome', ...outcome })}\n`)
        show.done(outcome)
      }
  } finally {
    listening()
  }
  return finish(folder, task, state, abort.signal.aborted, asked, io)
}

const json = (state: State) => `${JSON.stringify(state, null, 1)}\n`

/** An activation of the library by name, or a new one by its formula. */
export function resolve(text: string): Activation {
  const known: Readonly<Record<string, () => Activation>> = activations
  if (Object.hasOwn(known, text)) return known[text]()
  if (!/^\w+$/.test(text) || text === 'x') return activation(text, { forward: text })()
  const guess = nearest(text, Object.keys(known))
  throw new DataError('unknown-activation', `there is no activation "${text.slice(0, 40)}"`, {
    evidence: guess.length > 0 ? [['similar', guess.join(', ')]] : [],
    hint: 'name one of the library, or write a formula of x such as "x * sigmoid(x)"',
  })
}

async function once(
  task: Task,
  name: string,
  choice: Activation,
  seed: number,
  { epochs = task.epochs }: CompareOptions,
  signal: AbortSignal,
  working: (name: string, seed: number, epoch: number, epochs: number) => void,
): Promise<Outcome | undefined> {
  const model = task.build(choice, seed)
  try {
    const curve: number[] = []
    let [seconds, loss, complete] = [0, Number.NaN, false]
    await model.fit(task.train, {
      epochs,
      batchSize: task.batch,
      seed,
      validationData: task.heldOut,
      signal,
      callbacks: [
        event => {
          if (event.type === 'epoch') {
            curve.push(event.metrics['val_accuracy'])
            loss = event.metrics['val_loss']
            working(name, seed, event.epoch + 1, epochs)
          } else if (event.type === 'end') {
            complete = event.reason === 'complete'
            seconds = event.seconds
          }
        },
      ],
    })
    if (!complete) return undefined
    const units = await lookAtUnits(model, task.heldOut, choice)
    return {
      activation: name,
      seed,
      accuracy: curve[curve.length - 1],
      loss: Number.isFinite(loss) ? loss : null,
      curve,
      seconds,
      ...units,
    }
  } finally {
    model.close()
  }
}

async function finish(
  folder: string,
  task: Task,
  { options, outcomes }: State,
  aborted: boolean,
  asked: CompareCommand,
  io: Io,
) {
  const total = options.activations.length * options.seeds
  const more = `nabla compare --resume --out ${folder}`
  if (outcomes.length > 0) {
    const rows = rank(outcomes)
    const text = verdict(rows)
    await writeComparison(folder, { options, task, rows, text, complete: outcomes.length === total })
    const report = join(folder, 'report.html')
    if (asked.json) io.out(`${JSON.stringify({ type: 'result', best: rows[0].name, verdict: text, report })}\n`)
    else io.out(`${tableOf(rows, { bold: String, dim: String }).join('\n')}\n\n${text}\nreport: ${report}\n`)
  }
  if (!aborted) return 0
  io.err(`stopped after ${outcomes.length} of ${total} trainings\nto go on: ${more}\n`)
  return 130
}

type Paint = Pick<ReturnType<typeof pico.createColors>, 'bold' | 'dim'>

/** The rows as a table for a terminal. */
export function tableOf(rows: readonly Row[], paint: Paint, note: (name: string) => string = () => ''): string[] {
  const width = Math.max(10, ...rows.map(({ name }) => name.length))
  const head = ['activation'.padEnd(width), '     accuracy    ', '  loss', '   time', '  dead', 'saturated'].join('  ')
  return [
    paint.dim(head),
    ...rows.map(({ name, count, accuracy, spread, loss, seconds, dead, saturated }) => {
      if (count === 0) return `${name.padEnd(width)}  ${note(name)}`
      return [
        paint.bold(name.padEnd(width)),
        `${percent(accuracy).padStart(8)} ± ${percent(spread).padEnd(6)}`,
        (loss === undefined ? '∞' : loss.toFixed(3)).padStart(6),
        time(seconds).padStart(7),
        (dead === undefined ? '–' : percent(dead, 0)).padStart(6),
        (saturated === undefined ? '–' : percent(saturated, 0)).padStart(9),
        note(name),
      ].join('  ')
    }),
  ]
}

interface Live {
  working(name: string, seed: number, epoch: number, epochs: number): void
  done(outcome: Outcome): void
}
const silent: Live = { working() {}, done() {} }

/** A table that redraws itself on a terminal, a line a training in a file. */
function live({ activations, seeds }: CompareOptions, outcomes: readonly Outcome[], io: Io): Live {
  const paint = pico.createColors(io.colors)
  let [height, drawn] = [0, 0]
  const draw = (note: (name: string) => string) => {
    drawn = performance.now()
    const ranked = rank(outcomes)
    const rows = [
      ...ranked,
      ...activations.filter(name => !ranked.some(row => row.name === name)).map(name => ({ ...nothing, name })),
    ]
    const columns = io.columns() ?? 80
    const lines = tableOf(rows, io.columns()! >= 76 ? paint : { bold: String, dim: String }, note)
    const cut = columns >= 76 ? lines : lines.map(line => line.slice(0, columns - 1))
    io.err(`${height > 0 ? `\x1b[${height}A` : ''}${cut.map(line => `${line}\x1b[K\n`).join('')}`)
    height = lines.length
  }
  return {
    working(name, seed, epoch, epochs) {
      if (io.columns() === undefined || performance.now() - drawn < 100) return
      draw(row => (row === name ? `seed ${seed}/${seeds}, epoch ${epoch}/${epochs}` : ''))
    },
    done({ activation, seed, accuracy, seconds }) {
      if (io.columns() === undefined)
        io.err(`${activation} seed ${seed}/${seeds}: ${percent(accuracy)} in ${time(seconds)}\n`)
      else draw(() => '')
    },
  }
}
const nothing: Omit<Row, 'name'> = { count: 0, accuracies: [], accuracy: 0, spread: 0, seconds: 0, curve: [] }

async function started(asked: CompareCommand) {
  const { out, resume: _resume, quiet: _quiet, json: _json, threads: _threads, ...options } = asked
  options.activations.forEach(resolve)
  const folder = out ?? freshName('compare')
  if (await exists(join(folder, 'compare.json')))
    throw new StateError('run-exists', `"${folder}" already holds a comparison`, {
      hint: 'go on with it with --resume, or name another folder with --out DIR',
    })
  return { folder, state: { options, outcomes: [] } as State }
}

async function resumed(asked: CompareCommand, given: ReadonlySet<string>) {
  const folder = asked.out ?? (await newest())
  const state = await readState(join(folder, 'compare.json'))
  const { options } = state
  for (const name of ['data', 'label', 'limit', 'epochs'] as const)
    if (given.has(name) && asked[name] !== options[name])
      throw new StateError('other-run', `--${name} ${asked[name]} differs from the comparison in "${folder}"`, {
        evidence: [['it has', `--${name} ${options[name] ?? '(default)'}`]],
        hint: `leave --${name} out, or start another one without --resume`,
      })
  // More seeds and further activations may be asked for: what is done stays done.
  if (given.has('seeds')) options.seeds = Math.max(asked.seeds, options.seeds)
  if (given.has('activations')) options.activations = [...new Set([...options.activations, ...asked.activations])]
  return { folder, state }
}

async function newest(): Promise<string> {
  const names = await readdir(runsFolder).catch(() => [] as string[])
  const last = names
    .filter(name => name.startsWith('compare-'))
    .sort()
    .at(-1)
  if (last) return join(runsFolder, last)
  throw new StateError('no-run', `there is no comparison in "${runsFolder}" to resume`, {
    hint: 'name its folder with --out DIR, or start one without --resume',
  })
}

async function readState(path: string): Promise<State> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (isState(value)) return value
  } catch {}
  throw new DataError('broken-run', `"${path}" is missing or is not what a comparison writes`, {
    hint: 'name the folder of a comparison with --out DIR, or start one without --resume',
  })
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

function isState(value: unknown): value is State {
  if (!isObject(value) || !isObject(value['options']) || !Array.isArray(value['outcomes'])) return false
  const { data, label, activations, seeds } = value['options']
  return (
    typeof data === 'string' &&
    typeof label === 'string' &&
    Array.isArray(activations) &&
    activations.every(name => typeof name === 'string') &&
    typeof seeds === 'number' &&
    value['outcomes'].every(
      outcome =>
        isObject(outcome) &&
        typeof outcome['activation'] === 'string' &&
        ['seed', 'accuracy', 'seconds'].every(key => typeof outcome[key] === 'number') &&
        Array.isArray(outcome['curve']),
    )
  )
}
