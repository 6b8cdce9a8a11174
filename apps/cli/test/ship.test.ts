import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { layers, loadModel, type Model, numpyRandom, sequential, toBytes } from 'nabla'
import { type NamedArray, readArrays } from 'nabla/inspect'
import { loadKeras } from 'nabla/keras'
import { readNpy, readNpz, writeNpy, writeNpz } from 'nabla/npy'
import { importOnnx } from 'nabla/onnx'
import { loadTfjs } from 'nabla/tfjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { table } from '../src/convert.ts'
import { run } from '../src/run.ts'
import { capture } from './capture.ts'

const box = mkdtempSync(join(tmpdir(), 'nabla-ship-'))
const at = (...names: string[]) => join(box, ...names)
const nabla = async (...argv: string[]) => {
  const io = capture()
  const code = await run(argv, io)
  return { code, out: io.stdout(), err: io.stderr() }
}
const { input, conv2d, dense, flatten } = layers
const x = numpyRandom(5).rand(3 * 784)
let net: Model
let expected: Float32Array | Float64Array

beforeAll(async () => {
  net = sequential(
    [
      input([28, 28, 1]),
      conv2d(3, 5, { strides: 3, activation: 'relu' }),
      flatten(),
      dense(10, { activation: 'softmax' }),
    ],
    { seed: 3, name: 'small' },
  )
  net.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', threads: 1 })
  await net.save(at('small'))
  expected = (await net.predict({ x, inputShape: [28, 28, 1] })).data
  writeFileSync(at('x.npy'), writeNpy({ shape: [2, 2], data: Float64Array.of(0.1, 2, -3, 4e-7) }))
  writeFileSync(
    at('two.npz'),
    writeNpz({ a: { shape: [1], data: Int32Array.of(7) }, b: { shape: [0], data: new Float32Array() } }),
  )
})
afterAll(() => rmSync(box, { recursive: true, force: true }))

describe('export', () => {
  const same = async (model: Model) => (await model.predict({ x, inputShape: [28, 28, 1] })).data
  const forms: [string, string, (path: string) => Promise<ArrayLike<number>>][] = [
    ['keras', 'a.keras', async path => same(await loadKeras(path))],
    ['safetensors', 'a.safetensors', async path => same(await loadModel(path))],
    ['tfjs', 'web', async path => same(await loadTfjs(join(path, 'model.json')))],
    ['js', 'a.mjs', async path => (await import(pathToFileURL(path).href)).predict(x)],
  ]
  test.each(forms)('writes %s that predicts the same bits', async (form, name, predict) => {
    const { code, out } = await nabla('export', at('small'), '--to', form, '-o', at(name))
    expect(code).toBe(0)
    expect(out).toContain(at(name))
    expect(Array.from(await predict(at(name)))).toEqual(Array.from(expected))
  })

  test('writes onnx that predicts nearly the same', async () => {
    expect((await nabla('export', at('small'), '--to', 'onnx', '-o', at('a.onnx'))).code).toBe(0)
    const { run, inputs, outputs } = await importOnnx(at('a.onnx'))
    const found = run({ [inputs[0].name]: { shape: [3, 28, 28, 1], data: x } })[outputs[0].name]
    for (const [i, value] of expected.entries()) expect(found.data[i]).toBeCloseTo(value, 5)
  })

  test('writes a module with its types, and computes several samples together when asked to', async () => {
    const { code, err } = await nabla('export', at('small'), '--to', 'js', '-o', at('batch.js'), '--batch', '2')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(readFileSync(at('batch.d.ts'), 'utf8')).toContain('predict(x: Samples): Float32Array')
    const text = readFileSync(at('batch.js'), 'utf8')
    const { predict } = await import(`data:text/javascript,${encodeURIComponent(text)}`)
    expect(Array.from(predict(x))).toEqual(Array.from(expected))
  })

  test('never writes over a file without --force', async () => {
    writeFileSync(at('kept.keras'), 'mine')
    const refused = await nabla('export', at('small'), '--to', 'keras', '-o', at('kept.keras'))
    expect(refused).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/is there already\n {2}hint: .*--force/),
    })
    expect(readFileSync(at('kept.keras'), 'utf8')).toBe('mine')
    expect((await nabla('export', at('small'), '--to', 'keras', '-o', at('kept.keras'), '--force')).code).toBe(0)
    expect(statSync(at('kept.keras')).size).toBeGreaterThan(1000)
  })

  test('says what the form does not keep', async () => {
    const { err } = await nabla('export', at('small'), '--to', 'tfjs', '-o', at('web2'))
    expect(err).toBe('warning: tfjs does not keep the training: adam, categoricalCrossentropy\n')
  })

  test('makes a page of a model of pictures or of a few numbers, and of no other', async () => {
    const page = async (name: string, model: Model) => {
      await model.save(at(name))
      return nabla('export', at(name), '--to', 'html', '-o', at(`${name}.html`))
    }
    expect((await page('few', sequential([input([3]), dense(2)]))).code).toBe(0)
    expect(readFileSync(at('few.html'), 'utf8').match(/<input /g)).toHaveLength(3)
    expect(await page('many', sequential([input([9, 9]), flatten(), dense(2)]))).toMatchObject({
      code: 1,
      err: expect.stringContaining('a page cannot show a model of [9, 9] to [2]'),
    })
    expect(existsSync(at('many.html'))).toBe(false)
  })

  test('takes bad usage for what it is', async () => {
    expect((await nabla('export', at('small'))).code).toBe(2)
    expect((await nabla('export', at('small'), '--to', 'gguf')).code).toBe(2)
    expect(await nabla('export', at('none'), '--to', 'js')).toMatchObject({
      code: 1,
      err: expect.stringContaining('hint'),
    })
    expect(await nabla('export', at('x.npy'), '--to', 'js')).toMatchObject({
      code: 1,
      err: expect.stringContaining('is no model'),
    })
  })
})

test('a table is written in pieces, for no text may be longer than 512 MB', () => {
  const data = Float32Array.from({ length: 400_000 }, (_, i) => i / 4)
  const bytes = table({ name: 'x', shape: [100_000, 4], dtype: 'float32', data } as NamedArray, 'x.csv')
  const lines = new TextDecoder().decode(bytes).split('\n')
  expect(lines).toHaveLength(100_001)
  expect([lines[0], lines[99_999], lines[100_000]]).toEqual(['0,0.25,0.5,0.75', '99999,99999.25,99999.5,99999.75', ''])
})

describe('convert', () => {
  test('takes a model through every form and back to the same bits', async () => {
    const path = ['small', 'b.keras', 'b.h5', 'tf/model.json', 'b.safetensors', 'folder'].map(name => at(name))
    for (let i = 1; i < path.length; i++)
      expect(await nabla('convert', path[i - 1], path[i])).toMatchObject({ code: 0 })
    const back = await loadModel(at('folder'))
    expect(Array.from((await back.predict({ x, inputShape: [28, 28, 1] })).data)).toEqual(Array.from(expected))
    expect((await nabla('summary', at('b.keras'))).out).toContain('Total params')
  })

  test('takes a model out of ONNX', async () => {
    expect(await nabla('convert', at('small'), at('c.onnx'))).toMatchObject({ code: 0 })
    expect(await nabla('convert', at('c.onnx'), at('c.keras'))).toMatchObject({ code: 0, err: '' })
    const { data } = await (await loadKeras(at('c.keras'))).predict({ x, inputShape: [28, 28, 1] })
    for (const [i, value] of expected.entries()) expect(data[i]).toBeCloseTo(value, 5)
  })

  test('takes a model in 64 bits to a module in 32, and says so', async () => {
    await sequential([input([2]), dense(2)], { dtype: 'float64', seed: 1 }).save(at('exact'))
    const { code, err } = await nabla('convert', at('exact'), at('exact.mjs'))
    expect({ code, err }).toEqual({
      code: 0,
      err: 'warning: js does not keep 64-bit numbers: they are rounded to 32 bits\n',
    })
    const { predict } = await import(pathToFileURL(at('exact.mjs')).href)
    const { data } = await (await loadModel(at('exact'))).predict({ x: [[1, 2]] })
    expect(Array.from(predict([1, 2]))).toEqual([expect.closeTo(data[0], 5), expect.closeTo(data[1], 5)])
  })

  test('takes arrays from form to form', async () => {
    for (const [
      from,
      to,
    ] of [['x.npy', 'x.csv'], ['x.csv', 'x2.npy'], ['x2.npy', 'x.safetensors'], ['x.safetensors', 'x.npz']]) // biome-ignore format: pairs
      expect(await nabla('convert', at(from), at(to))).toMatchObject({ code: 0, err: '' })
    expect(readFileSync(at('x.csv'), 'utf8')).toBe('0.1,2\n-3,4e-7\n')
    const [{ data, shape }] = Object.values(await readNpz(at('x.npz')))
    expect({ shape, data }).toEqual({ shape: [2, 2], data: (await readNpy(at('x.npy'))).data })
  })

  test('takes the weights of a model, and says that the layers stay behind', async () => {
    const { code, err } = await nabla('convert', at('small'), at('w.npz'))
    expect({ code, err }).toEqual({ code: 0, err: 'warning: arrays alone: the layers are left out\n' })
    const weights = await readArrays(at('w.npz'))
    expect(weights.map(({ name, shape }) => ({ name, shape }))).toEqual(
      net.weights().map(({ name, shape }) => ({ name, shape })),
    )
  })

  test('takes arrays out of a model that cannot be built', async () => {
    const layer = { class_name: 'Mystery', config: { name: 'odd' } }
    const modelTopology = { model_config: { class_name: 'Sequential', config: { layers: [layer] } } }
    const weights = [{ name: 'odd/kernel', shape: [2], dtype: 'float32' }]
    mkdirSync(at('odd'))
    writeFileSync(at('odd', 'shard.bin'), new Uint8Array(Float32Array.of(3, 4).buffer))
    const weightsManifest = [{ paths: ['shard.bin'], weights }]
    writeFileSync(at('odd', 'model.json'), JSON.stringify({ modelTopology, weightsManifest }))
    expect((await nabla('inspect', at('odd'))).out).toMatch(
      /cannot be loaded:\n.*1 of 1 layers cannot be mapped\n +odd +Mystery/,
    )
    expect(await nabla('convert', at('odd', 'model.json'), at('odd.npz'))).toMatchObject({ code: 0 })
    expect(await readNpz(at('odd.npz'))).toMatchObject({ 'odd/kernel': { data: Float32Array.of(3, 4) } })
  })

  const refused: [string, string, string][] = [
    ['x.npy', 'x.keras', 'holds no model'],
    ['two.npz', 'two.npy', 'holds one array, but there are 2'],
    ['small', 'small.gguf', 'has a suffix that nothing is written as'],
    ['none', 'a.npy', 'there is no file'],
    ['x.npy', 'x.npy', 'is there already'],
  ]
  test.each(refused)('refuses %s to %s: %s', async (from, to, why) => {
    expect(await nabla('convert', at(from), at(to))).toMatchObject({ code: 1, err: expect.stringContaining(why) })
  })
})

test('explain says which step of a model without its training it can explain', async () => {
  await sequential([input([2]), dense(1)], { seed: 1 }).save(at('untrained'))
  const { code, err } = await nabla('explain', at('untrained'))
  expect([code, err]).toEqual([1, expect.stringMatching(/without its training.*\n {2}hint: --mode predict/)])
  expect((await nabla('explain', at('untrained'), '--mode', 'predict')).code).toBe(0)
})

describe('inspect', () => {
  test('shows a run whose options were cut short', async () => {
    mkdirSync(at('cut'))
    writeFileSync(at('cut', 'run.json'), '{"network": "dig')
    const { code, out, err } = await nabla('inspect', at('cut'))
    expect([code, out, err]).toEqual([0, expect.stringContaining('it holds no model yet'), ''])
  })

  test('prints facts and tables of a file', async () => {
    const { code, out } = await nabla('inspect', at('x.npy'))
    expect(code).toBe(0)
    expect(out.replace(box, '')).toMatchInlineSnapshot(`
      "/x.npy · NumPy array (.npy) · 160 B

       version  1
       header   {'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }

       tensors 1, 4 numbers, 32 B
      ┏━━━━━━┳━━━━━━━━━┳━━━━━━━━┳━━━━━━━┳━━━━━┳━━━━━┳━━━━━━━━┓
      ┃ name ┃ dtype   ┃ shape  ┃ bytes ┃ min ┃ max ┃   mean ┃
      ┡━━━━━━╇━━━━━━━━━╇━━━━━━━━╇━━━━━━━╇━━━━━╇━━━━━╇━━━━━━━━┩
      │ x    │ float64 │ [2, 2] │    32 │  -3 │   2 │ -0.225 │
      └──────┴─────────┴────────┴───────┴─────┴─────┴────────┘
      "
    `)
  })

  test('shows a model folder, a run folder and a folder of files', async () => {
    mkdirSync(at('run'))
    writeFileSync(at('run', 'run.json'), '{"network":"digits","epochs":2}')
    await net.save(at('run', 'best'))
    for (const folder of ['small', 'run']) {
      const { out } = await nabla('inspect', at(folder))
      expect(out).toContain('│ dense ')
      expect(out).toMatch(/tensors \d+, [\d,]+ numbers/)
    }
    expect((await nabla('inspect', box)).out).toMatch(/│ x\.npy +│ +160 │/)
  })

  test('prints JSON, a line a file', async () => {
    writeFileSync(at('model.safetensors'), toBytes(net))
    const { out } = await nabla('inspect', at('model.safetensors'), at('x.npy'), '--json')
    const found = out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(found.map(({ kind }) => kind)).toEqual(['nabla', 'npy'])
    expect(found[0].tables.layers.map(({ type }: { type: string }) => type)).toEqual([
      'input',
      'conv2d',
      'flatten',
      'dense',
    ])
  })

  test('lets no file speak to the terminal', async () => {
    writeFileSync(at('loud.csv'), '\u001b[31mred,b\n1,2\n')
    const { out } = await nabla('inspect', at('loud.csv'))
    expect(out).toContain('[31mred')
    expect(out).not.toContain('\u001b')
  })

  test('goes on after a file that nobody can read', async () => {
    writeFileSync(at('cut.npz'), readFileSync(at('two.npz')).subarray(0, 60))
    const { code, out, err } = await nabla('inspect', at('cut.npz'), at('x.npy'))
    expect(code).toBe(1)
    expect(err).toContain('zip')
    expect(out).toContain('NumPy array')
  })
})
