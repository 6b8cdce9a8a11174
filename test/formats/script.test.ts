import { Worker } from 'node:worker_threads'
import { BackendError, layers, type Model, model, numpyRandom, ShapeError, sequential } from 'nabla'
import { toScript } from 'nabla/script'
import { describe, expect, test } from 'vitest'

const { add, batchNormalization, concatenate, conv2d, dense, dropout, embedding, flatten, input, lstm } = layers
const { maxPooling2d } = layers

interface Made {
  inputs: Record<string, number[]>
  outputs: Record<string, number[]>
  predict(x: unknown): Float32Array & Record<string, Float32Array>
}
const load = (code: string): Promise<Made> => import(`data:text/javascript,${encodeURIComponent(code)}`)
const bits = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString('hex')

const cases: [string, Model][] = [
  ['a dense network', sequential([input([3]), dense(5, { activation: 'tanh' }), dense(2)], { seed: 1 })],
  [
    'a convolutional network with everything that digits need',
    sequential(
      [
        input([28, 28, 1]),
        conv2d(8, 3, { padding: 'same', activation: 'relu' }),
        batchNormalization(),
        maxPooling2d({ poolSize: 2 }),
        conv2d(8, 3, { activation: 'gelu' }),
        flatten(),
        dropout(0.5),
        dense(10, { activation: 'softmax' }),
      ],
      { seed: 2 },
    ),
  ],
  ['a recurrent network', sequential([input([6]), embedding(9, 4), lstm(5), dense(1, { activation: 'sigmoid' })])],
]

describe('a script', () => {
  test.each(cases)('of %s predicts the same bits as the model', async (_, net) => {
    const rows = 7
    const size = net.inputShape.reduce((a, b) => a * b, 1)
    const x = numpyRandom(3)
      .rand(rows * size)
      .map(value => (net.layers[1].type === 'embedding' ? Math.floor(9 * value) : value))
    net.use({ threads: 1 })
    const { data } = await net.predict({ x, inputShape: net.inputShape })
    for (const batchSize of [1, 4]) {
      const { predict, inputs, outputs } = await load(toScript(net, { batchSize }).code)
      expect(bits(predict(x))).toBe(bits(data))
      const samples = Array.from({ length: rows }, (_, row) => x.subarray(row * size, (row + 1) * size))
      expect(bits(predict(samples))).toBe(bits(data))
      expect([Object.values(inputs), Object.values(outputs)]).toEqual([[net.inputShape], [net.outputShape]])
    }
  })

  test('of several inputs and outputs takes and gives them by name', async () => {
    const [a, b] = [input([2], { name: 'a' }), input([2, 2], { name: 'b' })]
    const hidden = add()([dense(4)(a), flatten()(b)])
    const outputs = [dense(3, { name: 'kind' })(concatenate()([hidden, a])), dense(1, { name: 'size' })(hidden)]
    const net = model({ inputs: [a, b], outputs })
    const x = { a: [[1, 2], [3, 4], [5, 6]], b: [[[1, 2], [3, 4]], [[5, 6], [7, 8]], [[9, 0], [1, 2]]] } // biome-ignore format: rows
    const { predict } = await load(toScript(net).code)
    const [mine, theirs] = [predict(x), (await net.predict(x)).outputs]
    expect(Object.keys(mine)).toEqual(['kind', 'size'])
    for (const name of Object.keys(mine)) expect(bits(mine[name])).toBe(bits(theirs[name].data))
    expect(() => predict({ a: x.a })).toThrow('predict got no input "b"')
    expect(() => predict({ ...x, b: x.b.slice(1) })).toThrow('predict got 8 numbers for "b"')
  })

  test('runs in a worker, and again and again', async () => {
    const { code } = toScript(cases[0][1])
    const text = `import(${JSON.stringify(`data:text/javascript,${encodeURIComponent(code)}`)}).then(({ predict }) => {
      for (let i = 0; i < 1000; i++) predict([1, 2, i])
      require('node:worker_threads').parentPort.postMessage(predict([1, 2, 3]))
    })`
    const worker = new Worker(text, { eval: true })
    const answer = await new Promise<Float32Array>((resolve, reject) =>
      worker.on('message', resolve).on('error', reject),
    )
    await worker.terminate()
    expect(bits(answer)).toBe(bits((await cases[0][1].predict({ x: [[1, 2, 3]] })).data))
  })

  test('has many numbers in many texts: what an engine needs for one grows with the square of its length', async () => {
    const net = sequential([input([300]), dense(400), dense(3)], { seed: 3 })
    const { code } = toScript(net)
    expect(code.length).toBeGreaterThan(600_000)
    expect(Math.max(...code.split('\n').map(line => line.length))).toBeLessThan(300_000)
    const { predict } = await load(code)
    const x = Float32Array.from({ length: 300 }, (_, i) => Math.sin(i))
    expect(bits(predict(x))).toBe(bits((await net.predict({ x, inputShape: [300] })).data))
  })

  test('says what it takes, in its types too', async () => {
    const { code, types } = toScript(cases[0][1])
    expect(types).toMatchInlineSnapshot(`
      "// sequential
      /** Numbers one after another, or lists of them within each other; of one sample or several. */
      export type Samples = ArrayLike<number> | readonly Samples[]

      /** The shape of a sample of each input. */
      export declare const inputs: { readonly x: readonly [3] }
      /** The shape of a sample of each output. */
      export declare const outputs: { readonly dense_1: readonly [2] }

      /** The outputs of one sample or several: [3] in, [2] out. */
      export declare function predict(x: Samples): Float32Array
      "
    `)
    const { predict } = await load(code)
    expect(() => predict([1, 2])).toThrow('predict got 2 numbers, expected a multiple of 3')
  })

  test('keeps a name from becoming a program', async () => {
    const name = "*/ globalThis.touched = 1 //\n'</script>globalThis.touched = 2"
    const net = sequential([input([1]), dense(1, { name: '__proto__' })], { name })
    const { code, types } = toScript(net)
    expect(code + types).not.toMatch(/<\/script|^\s*globalThis/m)
    const { outputs } = await load(code)
    expect(Object.keys(outputs)).toHaveLength(1)
    expect('touched' in globalThis).toBe(false)
  })

  test('is refused for what cannot be compiled', () => {
    const net = sequential([input([1]), dense(1)], { dtype: 'float64' })
    expect(() => toScript(net)).toThrow(BackendError)
    expect(() => toScript(cases[0][1], { batchSize: 0 })).toThrow(ShapeError)
  })
})
