// What a page and Node do with each entry, and must do to the same bits.
import type * as nabla from 'nabla'

type Entries = {
  nabla: typeof import('nabla')
  'nabla/engine': typeof import('../../src/engine.ts')
  'nabla/csv': typeof import('nabla/csv')
  'nabla/data': typeof import('nabla/data')
  'nabla/mnist': typeof import('nabla/mnist')
  'nabla/npy': typeof import('nabla/npy')
  'nabla/safetensors': typeof import('nabla/safetensors')
  'nabla/keras': typeof import('nabla/keras')
  'nabla/tfjs': typeof import('nabla/tfjs')
  'nabla/onnx': typeof import('nabla/onnx')
  'nabla/script': typeof import('nabla/script')
  'nabla/inspect': typeof import('nabla/inspect')
  'nabla/plot': typeof import('nabla/plot')
}
type Source = Uint8Array | ArrayBuffer | Blob | string | URL

/** What is handed to each: it runs as text in the page, so it may use nothing else. */
export interface Given<Entry> {
  entry: Entry
  nabla: typeof nabla
  /** A small model, always the same. */
  model: () => nabla.Model
  /** All ways to hand over some bytes. */
  forms: (bytes: Uint8Array) => Source[]
  /** All samples and targets of a dataset. */
  rows: (data: nabla.Dataset) => unknown
  bytes: (text: string) => Uint8Array
}

export const given = (entry: never, nabla: typeof import('nabla')): Given<never> => ({
  entry,
  nabla,
  model() {
    const { conv2d, dense, flatten, input } = nabla.layers
    const model = nabla.sequential([input([5, 5, 1]), conv2d(2, 3, { activation: 'relu' }), flatten(), dense(3, { activation: 'softmax' })], { seed: 3 }) // biome-ignore format: one thought
    model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' })
    return model
  },
  forms(bytes) {
    const own = new Uint8Array(bytes)
    const text = btoa(own.reduce((text, byte) => text + String.fromCharCode(byte), ''))
    const address = `data:application/octet-stream;base64,${text}`
    return [own, own.buffer, new Blob([own]), new File([own], 'file'), address, new URL(address)]
  },
  rows(data) {
    const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, data.size)
    const [x, y] = [new Float64Array(size(data.inputShape)), new Float64Array(size(data.targetShape))]
    const all = Array.from({ length: data.size }, (_, row) => row)
    data.fill(all, x, data.hasTargets ? y : undefined)
    return { shape: data.inputShape, x: Array.from(x), y: Array.from(y), schema: data.schema }
  },
  bytes: text => new TextEncoder().encode(text),
})

export const entries: { [Name in keyof Entries]: (given: Given<Entries[Name]>) => unknown } = {
  async nabla({ nabla, model, forms }) {
    const saved = nabla.toBytes(model())
    const loaded = await Promise.all(forms(saved).map(source => nabla.loadModel(source)))
    return [Array.from(saved), loaded.map(one => Array.from(nabla.toBytes(one)))]
  },
  'nabla/engine'({ entry }) {
    return Object.keys(entry).sort()
  },
  async 'nabla/csv'({ entry, forms, rows, bytes }) {
    const table = bytes('\ufeffa,"b",label\r\n1,"x, y",yes\r\n0.25,"z",no\r\n')
    return Promise.all(forms(table).map(async source => rows(await entry.readCsv(source))))
  },
  async 'nabla/data'({ entry, forms, rows, bytes }) {
    const png = Uint8Array.from(atob('iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAAAAAC4HznGAAAAEElEQVR4nGNkMDJimHbiFwAGggK+LjRbnQAAAABJRU5ErkJggg=='), c => c.charCodeAt(0)) // biome-ignore format: one thought
    const idx = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 5, 6)
    const packed = await new Response(new Blob([idx]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer()
    const files = [bytes('a,label\n1,0\n2,1'), bytes('{"a":[1,2],"label":"no"}\n{"a":[3,4],"label":"go"}'), idx, new Uint8Array(packed)] // biome-ignore format: one thought
    const read = await Promise.all(files.flatMap(forms).map(async source => rows(await entry.readData(source))))
    const pictures = forms(png).filter(source => source instanceof Uint8Array || source instanceof Blob)
    return [read, rows(await entry.readImages({ b: pictures, a: [png] }, { size: [2, 2] })), rows(await entry.readData({ x: idx, y: idx }))] // biome-ignore format: one thought
  },
  async 'nabla/mnist'({ entry, forms, rows }) {
    const images = forms(Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 255, 51, 0, 7))
    const labels = forms(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 9, 1))
    return Promise.all(
      images.map(async (source, i) => rows(await entry.mnistFrom({ images: source, labels: labels[i] }))),
    )
  },
  async 'nabla/npy'({ entry, forms, nabla }) {
    const x = nabla.tensor([[1.5, -0], [3, 4]]) // biome-ignore format: a table
    const files = [entry.writeNpy(x), entry.writeNpz({ x, y: { shape: [2], data: Int32Array.of(7, 8) } })]
    const read = [await Promise.all(forms(files[0]).map(entry.readNpy as never)), await Promise.all(forms(files[1]).map(source => entry.readNpz(source)))] // biome-ignore format: one thought
    return JSON.parse(JSON.stringify([files.map(file => Array.from(file)), read]))
  },
  async 'nabla/safetensors'({ entry, forms, model }) {
    const file = entry.writeSafetensors(entry.toTorch(model(), {}), { note: 'é' })
    const read = await Promise.all(forms(file).map(entry.readSafetensors))
    const other = model()
    entry.fromTorch(other, read[0].tensors)
    return JSON.parse(JSON.stringify([Array.from(file), read, other.weights()]))
  },
  async 'nabla/keras'({ entry, forms, model }) {
    const files = [await entry.toKeras(model()), await entry.toKerasH5(model())]
    const options = { warn() {} }
    const loaded = await Promise.all(files.flatMap(forms).map(source => entry.loadKeras(source, options)))
    const other = model()
    await entry.loadKerasWeights(other, await entry.toKerasWeights(model()))
    return JSON.parse(JSON.stringify([...loaded, other].map(one => one.weights())))
  },
  async 'nabla/tfjs'({ entry, forms, model }) {
    const { 'model.json': topology, ...shards } = entry.toTfjs(model())
    const shard = (path: string) => shards[path]
    const loaded = await Promise.all(forms(topology).map(source => entry.loadTfjs(source, { shard, warn() {} })))
    return JSON.parse(JSON.stringify([Object.keys(shards), loaded.map(one => one.weights())]))
  },
  async 'nabla/onnx'({ entry, forms, model }) {
    const file = await entry.exportOnnx(model())
    const x = { shape: [1, 5, 5, 1], data: Float32Array.from({ length: 25 }, (_, i) => i / 25) }
    const answers = forms(file).map(async source => {
      const { inputs, run } = await entry.importOnnx(source)
      return run({ [inputs[0].name]: x })
    })
    return JSON.parse(JSON.stringify([Array.from(file), await Promise.all(answers)]))
  },
  'nabla/script'({ entry, model }) {
    return entry.toScript(model())
  },
  async 'nabla/inspect'({ entry, forms, nabla, model }) {
    const seen = await Promise.all(forms(nabla.toBytes(model())).map(source => entry.inspect(source)))
    return JSON.parse(JSON.stringify(seen.map(({ kind, format }) => [kind, format])))
  },
  async 'nabla/plot'({ entry }) {
    const history = { epoch: [0, 1, 2], history: { loss: [3, 2, 1.5], val_loss: [3.5, 2.5, 2] } }
    return [await entry.curves(history, 'loss'), entry.confusion([[3, 1], [0, 4]], ['a', 'b'])] // biome-ignore format: a table
  },
}
