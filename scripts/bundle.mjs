// Makes one file of each public entry (package.json's exports), so that a program starts without opening a hundred files.
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { build } from 'rolldown'

const root = new URL('..', import.meta.url)
const { exports: entries, peerDependencies } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
const input = Object.fromEntries(
  Object.values(entries).map(({ default: file }) => {
    const path = file.replace('./dist/', '').replace(/\.js$/, '')
    return [path, new URL(`src/${path}.ts`, root).pathname]
  }),
)
const dist = new URL('dist/', root)
for (const file of readdirSync(dist, { recursive: true })) if (/\.js$/.test(file)) rmSync(new URL(file, dist))
await build({
  input,
  cwd: root.pathname,
  platform: 'neutral',
  external: [/^node:/, ...Object.keys(peerDependencies).map(name => new RegExp(`^${name}(/|$)`))],
  output: {
    dir: new URL('dist', root).pathname,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'shared-[hash].js',
    // Half of a start is reading source: one file for what all share, without comments. Lines stay, for stack traces.
    comments: false,
    codeSplitting: { groups: [{ name: 'core', test: /\/src\/(formula|tensor|program|backends|nn|model|training)\// }] },
  },
})
