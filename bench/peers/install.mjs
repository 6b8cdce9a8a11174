import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Complaint } from '../complaint.mjs'
import { exportModel, isPeer, python } from '../jobs.mjs'

const repository = fileURLToPath(new URL('../../', import.meta.url))

/** Where the peers live: never inside the repository. */
export const folder = resolve(process.env.PEERS_DIR ?? join(homedir(), '.cache', 'nabla-peers'))
process.env.PEERS_DIR = folder

const packages = {
  '@tensorflow/tfjs': '4.22.0',
  '@tensorflow/tfjs-backend-wasm': '4.22.0',
  'brain.js': '1.6.1',
  brain2: 'npm:brain.js@2.0.0-beta.24',
  convnetjs: '0.3.0',
  'onnxruntime-node': '1.30.0',
}
const modules = { torch: 'python3-torch', numpy: 'python3-numpy' }

function versionOf(name) {
  const path = join(folder, 'node_modules', name, 'package.json')
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : undefined
}

/** Whether the peer is there in the version that is to be compared with. */
const fits = name => packages[name].split('@').at(-1) === versionOf(name)

const seen = {}
function moduleVersion(name) {
  const code = `import ${name}; print(${name}.__version__)`
  seen[name] ??= spawnSync(python, ['-c', code], { encoding: 'utf8' }).stdout?.trim() ?? ''
  return seen[name]
}

/** The version of a job's library, or undefined. */
export const version = ({ needs, python }) => (needs ? versionOf(needs) : python ? moduleVersion(python[0]) : undefined)

/** What is missing for the jobs, a line each. */
export function missing(jobs) {
  const wanted = jobs.filter(isPeer)
  const absent = [...new Set(wanted.flatMap(job => job.needs ?? []))].filter(name => !fits(name))
  const lacking = [...new Set(wanted.flatMap(job => job.python ?? []))].filter(name => !moduleVersion(name))
  const browsers = [...new Set(wanted.flatMap(job => job.browser ?? []))].filter(path => !existsSync(path))
  return [
    ...absent.map(name => `${name} ${packages[name]} in ${folder}: npm run bench -- --install-peers`),
    ...browsers.map(path => `${path}: apt-get install chromium, or name another CHROMIUM`),
    ...lacking.map(name => `${name} for ${python}: apt-get install ${modules[name]}, or name another PYTHON`),
  ]
}

function outside() {
  if (!relative(repository, folder).startsWith('..'))
    throw new Complaint(`PEERS_DIR is ${folder}, inside the repository; name a folder outside it`)
}

/** Installs the exact versions without running any of their scripts. */
export function install() {
  outside()
  mkdirSync(folder, { recursive: true })
  const list = join(folder, 'package.json')
  if (!existsSync(list)) writeFileSync(list, '{ "private": true }\n')
  const names = Object.entries(packages).map(([name, wanted]) => `${name}@${wanted}`)
  const args = ['install', '--ignore-scripts', '--save-exact', '--no-audit', '--no-fund', ...names]
  const { status } = spawnSync('npm', args, { cwd: folder, stdio: 'inherit' })
  if (status !== 0) throw new Complaint(`npm could not install the peers in ${folder}`)
  for (const [name, wanted] of Object.entries(modules))
    console.error(`${name} for ${python}: ${moduleVersion(name) || `missing; apt-get install ${wanted}`}`)
}

/** Has PyTorch write the digit network for the jobs that load it. */
export function prepare(jobs) {
  outside()
  if (!jobs.some(job => job.model) || existsSync(join(folder, 'models', 'digits.onnx'))) return
  const { command, args } = exportModel()
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0)
    throw new Complaint(`PyTorch could not export the digit network: ${stderr.trim().split('\n').at(-1)}`)
}
