// Makes one file of each public entry (package.json's exports), so that a program starts without opening a hundred files.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
const scripts = () => readdirSync(dist, { recursive: true }).filter(file => file.endsWith('.js'))
for (const file of scripts()) rmSync(new URL(file, dist))
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
    // Bundlers for pages know the field `browser` of package.json, where Node's own modules are left out, but not all of
    // them read `node:` there.
    paths: id => id.replace(/^node:/, ''),
    // Half of a start is reading source: one file for what all share, without comments, names within functions short.
    // Lines and the names of functions stay, for stack traces.
    comments: false,
    minify: { compress: false, mangle: { toplevel: false, keepNames: true }, codegen: { removeWhitespace: false } },
    codeSplitting: { groups: [{ name: 'core', test: /\/src\/(formula|tensor|program|backends|nn|model|training)\// }] },
  },
})
// A letter beyond ASCII makes an engine keep and read a whole file in two bytes a letter.
for (const file of scripts()) {
  const text = readFileSync(new URL(file, dist), 'utf8')
  const ascii = text.replace(/[\u0080-\uffff]/g, letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
  writeFileSync(new URL(file, dist), ascii)
}
