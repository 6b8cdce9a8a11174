import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import * as nabla from 'nabla'
import * as csv from 'nabla/csv'
import { readData, readImages } from 'nabla/data'
import * as inspect from 'nabla/inspect'
import * as keras from 'nabla/keras'
import * as mnist from 'nabla/mnist'
import * as npy from 'nabla/npy'
import * as onnx from 'nabla/onnx'
import * as plot from 'nabla/plot'
import * as safetensors from 'nabla/safetensors'
import * as script from 'nabla/script'
import * as tfjs from 'nabla/tfjs'
import { transformSync } from 'rolldown/utils'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { kinds } from '../../scripts/docs/index.ts'
import { filesIn, words } from '../../scripts/docs/source.ts'
import { print } from '../../src/formula/index.ts'

const { dense, flatten, input, conv2d } = nabla.layers
const pathOf = (file: string) => fileURLToPath(new URL(`../../src/${file}`, import.meta.url))
const source = (file: string) => readFileSync(pathOf(file), 'utf8')

/** The example of every docstring, with the file that it stands in. */
const examples = filesIn('.').flatMap(file =>
  [...source(file).matchAll(/^ *\/\*\*(?:(?!\*\/)[\s\S])*\*\/(?=\n(.*))/gm)].flatMap(([comment, about]) =>
    (words(comment.split('\n')).tags.example ?? []).map(code => {
      const name = /(?:const|function\*?|interface) (\w+)|^ +(\w+)/.exec(about)
      return { file, name: name?.[1] ?? name?.[2] ?? '', code }
    }),
  ),
)

const table = nabla.sequential([input([2]), dense(4, { activation: 'tanh' }), dense(1, { activation: 'sigmoid' })])
const images = nabla.sequential([input([6, 6, 1]), conv2d(2, 3), flatten(), dense(2, { activation: 'softmax' })])
table.compile({ loss: 'binaryCrossentropy', metrics: ['accuracy'] })
images.compile({ loss: 'sparseCategoricalCrossentropy' })
const modules = nabla.sequential([input([4, 4, 1]), conv2d(2, 3), flatten(), dense(2)])

const x = Array.from(nabla.numpyRandom(1).uniform(-1, 1, 80))
const y = Array.from({ length: 40 }, (_, i) => Number(x[2 * i] * x[2 * i + 1] > 0))
const data = nabla.dataset({ x, y, inputShape: [2] })
const random = nabla.numpyRandom(0)
const pictures = nabla.dataset({ x: random.uniform(0, 1, 20 * 36), y: random.randint(0, 2, 20), inputShape: [6, 6, 1] })

/** What a text around an example would have said before it, by the file of the docstring. */
const worlds: Readonly<Record<string, () => Promise<object> | object>> = {
  'data/augment.ts': () => ({ model: images, train: pictures }),
  'data/csv.ts': async () => {
    await writeFile('digits.csv', [3, 7].map(digit => `${[digit, ...Array(784).fill(128)].join(',')}\n`).join(''))
    const rows = ['age,port,survived', '22,S,0', ',C,1', '35,,1', '54,S,0'].join('\n')
    await writeFile('train.csv', rows)
    await writeFile('test.csv', rows)
    return {}
  },
  'data/idx.ts': () => ({ bytes: Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 2, 5, 6]) }),
  'data/images.ts': async () => {
    const square = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"></svg>'
    for (const flower of ['daisy', 'rose', 'tulip']) {
      await mkdir(join('flowers/train', flower), { recursive: true })
      await writeFile(join('flowers/train', flower, '1.png'), await plot.png(square, { width: 64 }))
    }
    return {}
  },
  'data/jsonLines.ts': async () => {
    await writeFile('reviews.jsonl', '{"words": [1, 2], "stars": 3}\n{"words": [0, 4], "stars": 5}\n')
    return {}
  },
  'data/png.ts': async () => ({
    bytes: await plot.png('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"></svg>', { width: 8 }),
  }),
  'formats/data/index.ts': async () => {
    await writeFile('iris.csv', `width,species\n${'1,setosa\n2,virginica\n'.repeat(5)}`)
    const digits = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28, ...Array(2 * 784).fill(9)]
    await writeFile('train-images-idx3-ubyte.gz', gzipSync(Uint8Array.from(digits)))
    await writeFile('train-labels-idx1-ubyte.gz', gzipSync(Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 2, 5, 6])))
    return {}
  },
  'formats/inspect/index.ts': async () => {
    await writeFile('model.onnx', await onnx.exportOnnx(table))
    await writeFile('weights.npz', npy.writeNpz({ w: nabla.tensor([1, 2]) }))
    return { file: 'model.onnx' }
  },
  'formats/keras/index.ts': async () => {
    await writeFile('digits.keras', await keras.toKeras(images))
    await writeFile('digits.weights.h5', await keras.toKerasWeights(images))
    return { model: images }
  },
  'formats/npy/index.ts': async () => {
    await writeFile('x.npy', npy.writeNpy(nabla.tensor([1, 2])))
    await writeFile('mnist.npz', npy.writeNpz({ x_train: nabla.tensor([1, 2]), y_train: nabla.tensor([0, 1]) }))
    return { x: nabla.tensor([1, 2]), y: nabla.tensor([0, 1]) }
  },
  'formats/onnx/graph/load.ts': async () => {
    await writeFile('mlp.onnx', await onnx.exportOnnx(table))
    return {}
  },
  'formats/onnx/graph/learnt.ts': () => ({ scores: input([2, 3, 4]), values: input([2, 4, 5]) }),
  'formats/onnx/index.ts': async () => {
    await writeFile('mlp.onnx', await onnx.exportOnnx(table))
    return {}
  },
  'formats/safetensors/index.ts': async () => {
    await table.save('model.safetensors')
    return {}
  },
  'formats/safetensors/torch.ts': async () => {
    const tensors = safetensors.toTorch(modules, { conv2d: '0', dense: '3' })
    await writeFile('torch.safetensors', safetensors.writeSafetensors(tensors))
    return { model: modules }
  },
  'formats/tfjs/index.ts': async () => {
    await mkdir('digits', { recursive: true })
    for (const [name, bytes] of Object.entries(tfjs.toTfjs(table))) await writeFile(join('digits', name), bytes)
    return {}
  },
  'data/mixUp.ts': () => {
    const model = nabla.sequential([input([2]), dense(10, { activation: 'softmax' })])
    model.compile({ loss: 'categoricalCrossentropy' })
    return { model }
  },
  'nn/define.ts': () => ({ activation: nabla.activation }),
  'plot/boundary.ts': () => ({
    x: Float64Array.from(x),
    classesOf: ({ data }: nabla.Predictions) => Array.from(data, Math.round),
  }),
  'plot/chart.ts': () => ({ x: [0, 1], y: [2, 3] }),
  'plot/digits.ts': () => ({ image: new Float32Array(784) }),
  'plot/png.ts': async () => ({ history: await table.fit(data, { epochs: 2 }) }),
}

const common: Record<string, unknown> = {
  ...{ ...nabla, ...nabla.toys, ...nabla.callbacks, ...nabla.layers },
  ...{ ...csv, ...keras, ...mnist, ...onnx, ...plot, ...script, ...tfjs, ...inspect, ...npy, ...safetensors },
  ...{ formula: nabla.formula, print },
  ...{ writeFile, x, y, data },
}

let folder = ''
const before = process.cwd()
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nabla-examples-'))
  process.chdir(folder)
  vi.spyOn(console, 'log').mockImplementation(() => {})
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  vi.stubGlobal('fetch', async () => new Response())
})
afterAll(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  process.chdir(before)
  rmSync(folder, { recursive: true, force: true })
})

const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as FunctionConstructor

test.each(examples.map(each => [each.file, each.name, each] as const))(
  '%s: the example of %s runs',
  async (file, _, { code }) => {
    // `model` is a maker of graphs, and what an example calls the one it has.
    const own = /(?<!\bconst )\bmodel\b(?!\(\{)/.test(code) && !/const model\b/.test(code) ? { model: table } : {}
    // What stands in the file itself is known, unless the library has another thing of that name.
    const home = await import(pathOf(file))
    const scope = { ...home, ...common, ...own, ...(await worlds[file]?.()) }
    const { code: plain, errors } = transformSync('example.ts', `async function example() {\n${code}\n}`)
    expect(errors).toEqual([])
    // What an example declares is its own.
    const names = Object.keys(scope).filter(name => name !== 'default' && new RegExp(`\\b${name}\\b`).test(code))
    const run = new AsyncFunction(...names, `'use strict'; ${plain}; await example()`)
    await run(...names.map(name => scope[name as keyof typeof scope]))
  },
)

// A definition without an example of its own gets one on its page.
const made = kinds.flatMap(({ kind, known }) =>
  Object.keys(known).flatMap(name => {
    const path = fileURLToPath(new URL(`../../docs/${kind}/${name}.md`, import.meta.url))
    if (kind === 'callbacks' || !existsSync(path)) return []
    const [text] = readFileSync(path, 'utf8').split('\n## ')
    const code = /```ts\n([\s\S]*?)\n```/.exec(text.replace(/^# \w+\n\n```ts\n.*\n```/, ''))?.[1]
    return code ? [[kind, name, code] as const] : []
  }),
)

test.each(made)('the example on the page %s/%s runs', (_, _file, code) => {
  const { optimizers, losses, metrics, schedules, regularizers, constraints } = nabla
  const named = { model: table, optimizers, losses, metrics, schedules, regularizers, constraints }
  const scope: Record<string, unknown> = { ...nabla.layers, ...named }
  new Function(...Object.keys(scope), code)(...Object.values(scope))
})

/** What the guides take for granted. */
const guideWorlds: Readonly<Record<string, () => Promise<object> | object>> = {
  'data.md': async () => {
    await writeFile('iris.csv', `length,width,species\n${'1,2,setosa\n2,1,virginica\n'.repeat(20)}`)
    await writeFile('clicks.csv', `pages,minutes,bought\n${'1,2,0\n2,1,1\n'.repeat(20)}`)
    const people = ['1,S,first,Ann,22,7,A1', '0,,third,Bo,,8,C1', '1,C,first,Cy,35,,C2', '0,S,third,Di,4,9,C1']
    for (const file of ['titanic.csv', 'test.csv'])
      await writeFile(file, ['survived,port,class,name,age,fare,cabin', ...people].join('\n'))
    const square = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"></svg>'
    for (const folder of ['flowers/train/rose', 'flowers/test/rose']) {
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, '1.png'), await plot.png(square, { width: 64 }))
    }
    return { model: table }
  },
  'onnx.md': async () => {
    const names = [input([2], { name: 'x' }), dense(1, { name: 'y' })]
    for (const file of ['cnn.onnx', 'anything.onnx'])
      await writeFile(file, await onnx.exportOnnx(nabla.sequential(names)))
    return {}
  },
  'pytorch.md': async () => {
    const net = [
      input([28, 28, 1]),
      conv2d(8, 3, { padding: 'same' }),
      nabla.layers.maxPooling2d(),
      flatten(),
      dense(10),
    ]
    const tensors = safetensors.toTorch(nabla.sequential(net), { conv2d: '0', dense: '4' })
    await writeFile('torch.safetensors', safetensors.writeSafetensors(tensors))
    return { states: [[1, 2, 3, 4]], actions: [1], advantages: [-0.5] }
  },
  'keras.md': async () => {
    await table.save('learnt')
    return { model: table }
  },
}

const entries = { nabla, 'nabla/data': { readData }, 'nabla/onnx': onnx, 'nabla/safetensors': safetensors }

const guides = Object.keys(guideWorlds).flatMap(file => {
  const text = readFileSync(fileURLToPath(new URL(`../../docs/${file}`, import.meta.url)), 'utf8')
  return Array.from(text.matchAll(/```ts\n([\s\S]*?)\n```/g), ([, code], i) => [file, i + 1, code] as const)
})

test.each(guides)('the code of the guide %s, block %i, runs', async (file, _, code) => {
  const scope: Record<string, unknown> = { ...common, readData, readImages, entries, ...(await guideWorlds[file]()) }
  const inner = code.replace(/^import (.*) from '(.*)'$/gm, "const $1 = entries['$2']")
  const { code: plain, errors } = transformSync('guide.ts', `async function guide() {\n${inner}\n}`)
  expect(errors).toEqual([])
  const run = new AsyncFunction(...Object.keys(scope), `'use strict'; ${plain}; await guide()`)
  await run(...Object.values(scope))
})

test('every folder of the library has examples', () => {
  const rooms = new Set(examples.map(({ file }) => file.split('/')[0]))
  expect([...rooms].sort()).toEqual(['data', 'formats', 'formula', 'model', 'nn', 'plot', 'tensor', 'training'])
})
