import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const packageOf = (path: string) => JSON.parse(read(join(path, 'package.json')))

interface Import {
  file: string
  from: string
  kind: 'static' | 'type' | 'dynamic'
}

const sources = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => join(folder, name))

/** Import statements, re-exports and dynamic imports; examples in comments do not count. */
function importsOf(file: string): Import[] {
  const code = read(file)
    .replace(/\/\*\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
  const statements = code.matchAll(/^(?:import|export)\s+(type\s)?(?:[^'"`;=]*?\sfrom\s+)?'([^']+)'/gm)
  return [
    ...[...statements].map(([, type, from]) => ({ file, from, kind: type ? 'type' : 'static' }) as const),
    ...[...code.matchAll(/(?<![.\w])import\(\s*'([^']+)'/g)].map(
      ([, from]) => ({ file, from, kind: 'dynamic' }) as const,
    ),
  ]
}

const library = sources('src').flatMap(importsOf)
const roomOf = (file: string) => relative('src', file).split('/')[0]
/** Files beside the rooms put them together. */
const isEntry = (room: string) => room.endsWith('.ts') && room !== 'errors.ts'

/** The list in the design: a room, and the rooms it may import from. */
const arrows = new Map(
  [...read('docs/design.md').matchAll(/^(\w+) +← *(.*)$/gm)].map(([, room, from]) => [
    room,
    from.split(/, */).filter(Boolean),
  ]),
)

test('the design lists the arrows of every room there is', () => {
  const rooms = new Set(library.map(({ file }) => roomOf(file)).filter(room => !room.endsWith('.ts')))
  expect([...rooms].filter(room => !arrows.has(room))).toEqual([])
})

test('rooms import only from the rooms that the design allows', () => {
  const wrong = library.filter(({ file, from }) => {
    if (!from.startsWith('.')) return false
    const [room, other] = [roomOf(file), roomOf(relative(root, resolve(root, dirname(file), from)))]
    return !(room === other || isEntry(room) || other === 'errors.ts' || arrows.get(room)?.includes(other))
  })
  expect(wrong).toEqual([])
})

describe('the library', () => {
  test('imports nothing from outside when it is loaded, not even from Node', () => {
    expect(library.filter(({ from, kind }) => !from.startsWith('.') && kind === 'static')).toEqual([])
  })

  test('reaches for an optional peer only behind an entry of its own', () => {
    const peers = Object.keys(packageOf('.').peerDependencies)
    const entry = (file: string) => /^src\/(plot\/|formats\/|data\/(mnist|png|records)\.ts)/.test(file)
    const wrong = library.filter(
      ({ file, from }) =>
        !from.startsWith('.') &&
        !from.startsWith('node:') &&
        !(peers.some(peer => from === peer || from === `${peer}/sync`) && entry(file)),
    )
    expect(wrong).toEqual([])
  })

  test('has no dependencies and no install script, and every peer is optional', () => {
    const { dependencies, scripts, peerDependencies, peerDependenciesMeta } = packageOf('.')
    expect(dependencies).toBeUndefined()
    expect(Object.keys(scripts).filter(name => /install|prepare/.test(name))).toEqual([])
    expect(Object.keys(peerDependencies).filter(name => !peerDependenciesMeta[name]?.optional)).toEqual([])
  })
})

test.each(readdirSync(join(root, 'apps')))('the app %s knows the library by its public entries alone', app => {
  const { dependencies } = packageOf(join('apps', app))
  const entries = Object.keys(packageOf('.').exports).map(name => name.replace('.', 'nabla'))
  const own = join('apps', app, 'src')
  const wrong = sources(own)
    .flatMap(importsOf)
    .filter(({ file, from }) => {
      if (from.startsWith('.')) return !join(dirname(file), from).startsWith(own)
      const name = from.split('/', from.startsWith('@') ? 2 : 1).join('/')
      return !(from.startsWith('node:') || (name === 'nabla' ? entries.includes(from) : name in dependencies))
    })
  expect(wrong).toEqual([])
})
