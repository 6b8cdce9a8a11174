import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError, NablaError } from 'nabla'
import { type Inspection, inspect as inspectFile, type Row } from 'nabla/inspect'
import pico from 'picocolors'
import { isFolder } from './data.ts'
import { exists } from './files.ts'
import { count, size } from './format.ts'
import type { Io } from './io.ts'
import { readAny } from './runs.ts'
import { drawTable } from './table.ts'
import { waiting } from './waiting.ts'

export interface InspectOptions {
  json?: boolean
  /** Show all rows of every table. */
  all?: boolean
}

/** Rows of a table unless all are asked for. */
const shown = 60

/** Print what files hold, whatever they are; one that nobody can read does not hide the others. */
export async function inspect(paths: readonly string[], options: InspectOptions, io: Io): Promise<number> {
  let code = 0
  for (const [i, path] of paths.entries()) {
    try {
      const found = await waiting(io, `reading ${path}`, () => look(path))
      if (options.json) io.out(`${JSON.stringify({ file: path, ...found })}\n`)
      else io.out(`${i > 0 ? '\n' : ''}${printed(path, found, options, io)}\n`)
    } catch (error) {
      if (!(error instanceof NablaError) || paths.length === 1) throw error
      io.err(`error: ${error.message}\n`)
      code = 1
    }
  }
  return code
}

type Found = Omit<Inspection, 'kind'> & { kind: string }

/** A file, or what a folder holds: a run, a model, or other files. */
async function look(path: string): Promise<Found> {
  if (/^https?:\/\//.test(path)) return inspectFile(path)
  if (!(await exists(path)))
    throw new DataError('no-such-file', `there is no file or folder "${path}"`, { hint: 'check the path' })
  if (!(await isFolder(path))) return inspectFile(path)
  if (await exists(join(path, 'run.json'))) return run(path)
  if (await exists(join(path, 'model.json'))) return inspectFile(join(path, 'model.json'))
  const names = (await readdir(path, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))
  const files = await Promise.all(
    names.slice(0, 10_000).map(async entry => {
      const own = join(path, entry.name)
      if (!entry.isDirectory())
        return { file: entry.name, bytes: (await stat(own).catch(() => undefined))?.size ?? null }
      return { file: `${entry.name}/`, bytes: null, files: (await readdir(own).catch(() => [])).length }
    }),
  )
  const rows = files.map(({ files: inside, ...file }): Row => ({ ...file, files: inside ?? null }))
  return {
    kind: 'folder',
    format: 'folder',
    bytes: total(rows),
    about: {},
    tables: { files: rows },
    problems: [],
    notes: [],
  }
}

const total = (rows: readonly Row[]) => rows.reduce((sum, { bytes }) => sum + Number(bytes ?? 0), 0)

/** A run folder: what it was asked for, and its best model. */
async function run(path: string): Promise<Found> {
  const asked = Object.entries((await readAny(join(path, 'run.json'))) ?? {})
  const facts = Object.fromEntries(asked.map(([key, value]) => [key, String(value).slice(0, 80)]))
  for (const part of ['best', 'interrupted', 'model']) {
    const file = join(path, part, 'model.json')
    if (!(await exists(file))) continue
    const found = await inspectFile(file)
    const weights = await stat(join(path, part, 'weights.safetensors')).catch(() => undefined)
    const bytes = found.bytes + (weights?.size ?? 0)
    return { ...found, bytes, format: `run of nabla train, its ${part} model`, about: { ...facts, ...found.about } }
  }
  return {
    kind: 'run',
    format: 'run of nabla train',
    bytes: 0,
    about: facts,
    tables: {},
    problems: ['it holds no model yet'],
    notes: [],
  }
}

function printed(path: string, found: Found, { all }: InspectOptions, io: Io): string {
  const paint = pico.createColors(io.colors)
  const { format, bytes, about, tables, problems, notes } = found
  const facts = Object.entries(about)
  const width = Math.max(0, ...facts.map(([name]) => name.length))
  const parts = [`${paint.bold(path)} · ${format} · ${size(bytes)}`]
  if (facts.length > 0)
    parts.push(
      facts
        .map(
          ([name, value]) =>
            ` ${paint.dim(name.padEnd(width))}  ${typeof value === 'number' ? count(value) : tame(value)}`,
        )
        .join('\n'),
    )
  for (const [name, rows] of Object.entries(tables)) {
    const titles = [...new Set(rows.flatMap(row => Object.keys(row)))]
    const some = all ? rows : rows.slice(0, shown)
    const more = rows.length - some.length
    const sum = name === 'tensors' ? `, ${count(numbersIn(rows))} numbers, ${size(total(rows))}` : ''
    parts.push(
      [
        ` ${paint.bold(name)} ${paint.dim(`${count(rows.length)}${sum}`)}`,
        drawTable(
          titles,
          some.map(row => titles.map(title => cell(row[title]))),
        ),
        ...(more > 0 ? [` … and ${count(more)} more: --all shows them`] : []),
      ].join('\n'),
    )
  }
  if (notes.length > 0) parts.push(notes.map(note => ` ${paint.yellow('note:')} ${tame(note)}`).join('\n'))
  if (problems.length > 0)
    parts.push([` ${paint.red('cannot be loaded:')}`, ...problems.map(line => `   ${tame(line.trimEnd())}`)].join('\n'))
  return parts.join('\n\n')
}

/** What comes from a file and would speak to the terminal stays silent. */
const tame = (value: string) => value.replace(/[\p{Cc}\p{Cf}]/gu, '·')

const cell = (value: Row[string] | undefined) => (typeof value === 'string' ? tame(value) : value)

const numbersIn = (rows: readonly Row[]) =>
  rows.reduce((sum, { shape }) => sum + (String(shape).match(/\d+/g) ?? []).reduce((n, part) => n * Number(part), 1), 0)
