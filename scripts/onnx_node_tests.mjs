// Runs the cases of ONNX's own backend tests: node scripts/onnx_node_tests.mjs FOLDER [NAME…] [--list]
// FOLDER holds a folder a case, each with model.onnx and test_data_set_0; see onnx_node_tests.py, which writes them.
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'rolldown'

const [folder, ...rest] = process.argv.slice(2)
const wanted = rest.filter(word => !word.startsWith('--'))
const list = rest.includes('--list')
const root = new URL('..', import.meta.url).pathname
const made = join(root, `node_modules/.onnx-node-tests-${process.pid}.mjs`)
await build({
  input: join(root, 'src/formats/onnx/index.ts'),
  platform: 'node',
  external: ['onnx-proto'],
  output: { file: made, format: 'esm', codeSplitting: false },
})
const { importOnnx, readOnnxTensor } = await import(pathToFileURL(made)).finally(() => rmSync(made))

/** Whether numbers agree as ONNX's runner asks: within 1e-7 and a thousandth. */
export function difference(got, expected) {
  if (got.dtype === 'bfloat16' && expected.dtype === 'uint16')
    got = { ...got, dtype: 'uint16', data: new Uint16Array(got.data.buffer).filter((_, i) => i % 2 === 1) }
  if (got.dtype !== expected.dtype) return `type ${got.dtype}, expected ${expected.dtype}`
  if (got.shape.join() !== expected.shape.join()) return `shape [${got.shape}], expected [${expected.shape}]`
  for (let i = 0; i < got.data.length; i++) {
    const [a, b] = [Number(got.data[i]), Number(expected.data[i])]
    const near = Object.is(a, b) || a === b || Math.abs(a - b) <= 1e-7 + 1e-3 * Math.abs(b)
    if (!near) return `${a} at ${i}, expected ${b}`
  }
}

async function run(path) {
  const data = join(path, 'test_data_set_0')
  const model = await importOnnx(readFileSync(join(path, 'model.onnx')))
  const load = (kind, i) => readOnnxTensor(readFileSync(join(data, `${kind}_${i}.pb`)))
  const feeds = {}
  for (const [i, { name }] of model.inputs.entries()) feeds[name] = await load('input', i)
  const results = model.run(feeds)
  for (const [i, { name }] of model.outputs.entries()) {
    const wrong = difference(results[name], await load('output', i))
    if (wrong) throw new Error(`${name}: ${wrong}`)
  }
}

const groups = new Map()
const lines = []
for (const name of readdirSync(folder).sort()) {
  if (wanted.length > 0 && !wanted.some(word => name.includes(word))) continue
  const group = name.replace(/^test_/, '').split('_')[0]
  const row = groups.get(group) ?? { pass: 0, unsupported: 0, wrong: 0 }
  groups.set(group, row)
  try {
    await run(join(folder, name))
    row.pass++
  } catch (error) {
    const refused = /^unsupported: /.test(error.message)
    row[refused ? 'unsupported' : 'wrong']++
    lines.push(
      `${refused ? 'unsupported' : 'WRONG      '}  ${name}  ${error.message
        .split('\n')
        .slice(0, list ? 4 : 1)
        .join(' | ')}`,
    )
  }
}
for (const line of lines) if (list || line.startsWith('WRONG')) console.log(line)
const total = { pass: 0, unsupported: 0, wrong: 0 }
for (const [group, row] of groups) {
  for (const key of Object.keys(total)) total[key] += row[key]
  if (list || row.wrong > 0) console.log(`${group.padEnd(24)} ${Object.values(row).join(' / ')}`)
}
console.log(`pass / unsupported / wrong: ${Object.values(total).join(' / ')}`)
