// Compares what onnxruntime makes of our files with what we do: first ONNX_EXPORTS=FOLDER npx vitest run export.test.ts, then
// node scripts/onnx_runtime_check.mjs FOLDER_WITH_ONNXRUNTIME FOLDER
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [peers, folder] = process.argv.slice(2)
const { InferenceSession, Tensor } = createRequire(join(peers, 'package.json'))('onnxruntime-node')
let failed = 0
const names = readdirSync(folder).filter(name => name.endsWith('.onnx'))
for (const name of names) {
  const { shape, x, y } = JSON.parse(readFileSync(join(folder, name.replace('.onnx', '.json')), 'utf8'))
  try {
    const session = await InferenceSession.create(join(folder, name), { logSeverityLevel: 3 })
    const feeds = { [session.inputNames[0]]: new Tensor('float32', Float32Array.from(x), shape) }
    const { data } = (await session.run(feeds))[session.outputNames[0]]
    const far = y.map((v, i) => Math.abs(v - data[i]) / Math.max(1, Math.abs(v))).reduce((a, b) => Math.max(a, b), 0)
    if (!(far <= 1e-5) || data.length !== y.length) console.log(`${name}: ${far} apart`, failed++)
  } catch (error) {
    console.log(`${name}: ${error.message.split('\n')[0]}`, failed++)
  }
}
console.log(`${names.length - failed} of ${names.length} agree within 1e-5`)
