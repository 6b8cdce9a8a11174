import { BackendError, nothingElse, ShapeError, StateError } from '../errors.ts'
import type { Source } from '../nn/call.ts'
import type { Layer, Pair } from '../nn/layer.ts'
import { composed } from '../nn/layers/composed.ts'
import type { Optimizer } from '../nn/optimizer.ts'
import { resolveOptimizer } from '../nn/resolve.ts'
import {
  type Backend,
  type Compiled,
  type Engine,
  explain,
  kernelTable,
  type Numbers,
  type Program,
  type ScalarsOfSteps,
} from '../program/index.ts'
import { numpyRandom } from '../tensor/random.ts'
import { printShape, sizeOf } from '../tensor/shape.ts'
import type { Buffer } from '../tensor/view.ts'
import type { EngineOptions, Model, ModelOptions, Weight } from './face.ts'
import { goalsOf } from './goals.ts'
import { type Graph, graph, path } from './graph.ts'
import { nameAll } from './names.ts'
import { inlined } from './nested.ts'
import { lasting as arrayOf, chain, type Entry, itemsOf, listed } from './network.ts'
import { oneByOne } from './oneByOne.ts'
import { frozen } from './optimize.ts'
import { announcement, type Mode, type Plan, plan, type Training } from './programs.ts'
import { sharing } from './shared.ts'
import { summary } from './summary.ts'
import { structure } from './topology.ts'

const mostThreads = 1024
/** Runs of a program from which `kernels` takes medians. */
const timedRuns = 21

let standard: Readonly<Partial<Record<'float32' | 'float64', Backend>>> = {}
/** Says what runs models that are not told; called once, where the public names are. */
export function setDefaultBackends(backends: typeof standard): void {
  standard = backends
}

/** What compile was told. Throws StateError when there was no compile. */
export function compiled({ training }: Pick<Model, 'training'>, what: string): Training {
  if (training) return training
  throw new StateError('not-compiled', `${what} was called before compile`, {
    hint: "model.compile({ optimizer: 'adam', loss: 'meanSquaredError' })",
  })
}

/** A model of layers that follow one another, or of what lies between inputs and outputs. */
export function model(of: readonly Layer[] | Graph, options: ModelOptions = {}): Model {
  const isGraph = typeof of === 'object' && of !== null && 'inputs' in of
  const type = isGraph ? 'functional' : 'sequential'
  const { name = type, seed = 0, dtype, ...others } = options
  nothingElse(type === 'functional' ? 'model' : type, others, { ...(isGraph && of), name, seed, dtype })
  const network = isGraph ? graph(of) : listed(of).some(layer => 'network' in layer) ? graph(path(of)) : chain(of)
  const layers = itemsOf(network.nodes)
  const entries: Entry[] = network.nodes.flatMap(node => [...node.parameters, ...node.state])
  numpyRandom(seed) // refuses a seed that is none, before anything is made of it
  let training: Training | undefined
  let settings: EngineOptions = { dtype }
  let engine: Engine | undefined
  let plans = new Map<string, Plan & Compiled>()
  let closed = false

  /** The engine, with the weights in it. */
  function ready(): Engine {
    if (engine) {
      numbers.take(newer => put(engine!, newer))
      return engine
    }
    if (closed)
      throw new StateError('closed', 'the model was closed, its numbers are gone', {
        hint: 'save it, or read its weights, before close()',
      })
    const { dtype, threads, backend = standard[dtype ?? 'float32'] } = settings
    if (!backend)
      throw new StateError('no-backend', `the model has nothing to run on in ${dtype ?? 'float32'}`, {
        hint: "import from 'nabla', and ask for 'float32' or 'float64', or compile with { backend }",
      })
    const made = backend.engine({ threads })
    if (dtype && made.dtype !== dtype)
      throw new StateError('wrong-dtype', `the backend ${made.name} computes in ${made.dtype}, not in ${dtype}`, {
        hint: 'leave backend out, or dtype',
      })
    made.write(network.parameters, []) // where there is no room for them, none are drawn
    put(
      made,
      initialValues().map((values, place) => ({ place, values })),
    )
    engine = made
    given = undefined
    return ready()
  }

  /** All arrays as they were set before there was an engine. */
  let given: readonly Numbers[] | undefined
  const initialValues = () =>
    given ?? entries.map(({ initial, shape }, i) => initial.draw(shape, numpyRandom([seed, i])))

  /** Writes arrays into an engine, by their places among the entries. */
  function put(to: Engine, arrays: readonly { readonly place: number; readonly values: ArrayLike<number> }[]) {
    for (const { place, values } of arrays) to.write(entries[place].view.buffer, values, offsetOf(entries[place]))
  }

  /** Parameters lie in one buffer, each in a part of it; other arrays have one each. */
  const offsetOf = (entry: Entry) => ('offset' in entry ? (entry.offset as number) : 0)
  const numbersOf = (from: Engine, entry: Entry) => {
    const start = offsetOf(entry)
    return from.read(entry.view.buffer, start, start + sizeOf(entry.shape))
  }

  /** All arrays as they are here. */
  function arrays(): readonly Numbers[] {
    if (!engine) return initialValues()
    return entries.map(entry => numbersOf(engine!, entry))
  }
  const keys = network.nodes.flatMap(({ key, parameters, state }) =>
    [...parameters, ...state].map(each => ({ key, name: each.key })),
  )
  const numbers = sharing(keys, arrays)

  function planned(mode: Mode, batch: number, weighted = false): Plan & Compiled {
    const key = `${mode} ${batch}${weighted ? ' weighted' : ''}`
    let found = plans.get(key)
    if (!found) {
      const made = plan(network, mode, batch, training, weighted)
      found = { ...made, ...fitted(made.program) }
      plans.set(key, found)
    }
    return found
  }

  /** A program in the engine, or in a new one where those for other batches have left no room. */
  function fitted(program: Program): Compiled {
    try {
      return ready().compile(program)
    } catch (error) {
      const isFull = error instanceof BackendError && error.code === 'out-of-memory'
      if (!isFull || plans.size === 0 || engine?.idle?.()) throw error
      move()
      return ready().compile(program)
    }
  }

  /** Takes all numbers to a new engine, of the settings as they are. */
  function move() {
    if (!engine) return
    const slots = Object.values(training?.slots ?? {}).map(buffer => [buffer, engine!.read(buffer)] as const)
    given = arrays()
    release()
    const to = ready()
    for (const [buffer, values] of slots) to.write(buffer, values)
  }

  function release() {
    engine?.close()
    engine = undefined
    plans = new Map()
  }

  const lasting = (): Buffer[] => [
    ...new Set([network.parameters, ...entries.map(e => e.view.buffer), ...Object.values(training?.slots ?? {})]),
  ]

  const weightsIn = (flat: Buffer, prefix = ''): Weight[] => {
    const engine = ready()
    return network.nodes
      .flatMap(node => node.parameters)
      .map(({ name, shape, offset }) => ({
        name: prefix + name,
        shape,
        data: engine.read(flat, offset, offset + sizeOf(shape)),
      }))
  }

  let trainable = true
  let block: Pair | undefined
  let structured: Layer['config'] | undefined
  const face: Omit<Model, never> = {
    type,
    /** As a layer in another model it is called by the name that it was given, else by its type. */
    get config() {
      return (structured ??= { ...(options.name !== undefined && { name }), seed, ...structure(network) })
    },
    name,
    seed,
    layers,
    get pair() {
      const { length } = network.inputs
      return (block ??= composed((...xs) => self(xs), length))
    },
    with(): never {
      throw new StateError('fixed-model', `the model ${name} cannot be made again with other settings`, {
        hint: 'make another model, or wrap one of its layers',
      })
    },
    get trainable() {
      return trainable
    },
    set trainable(value: boolean) {
      trainable = value
      for (const layer of layers) layer.trainable = value
    },
    getLayer(name) {
      const names = nameAll(layers)
      const found = layers[names.indexOf(name)] ?? network.nodes.find(node => node.name === name)?.layer
      if (found) return found
      throw new StateError('no-such-layer', `the model has no layer ${JSON.stringify(name)?.slice(0, 40)}`, {
        evidence: [['layers', names.join(', ').slice(0, 200)]],
        hint: `model.layers are ${names.length}; those within models are called "model/layer"`,
      })
    },
    countParams: () => self.parameterCount,
    getWeights: () => self.weights(),
    network,
    inputShape: network.inputShape,
    outputShape: network.outputShape,
    parameterCount: entries.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    get dtype() {
      return settings.dtype
    },
    get training() {
      return training
    },
    step: 0,
    learningRate: 0,
    compile({ optimizer = 'adam', loss, lossWeights, metrics, backend, threads, dtype, ...others }) {
      const run = { backend, threads, dtype }
      nothingElse('compile', others, { optimizer, loss, lossWeights, metrics, ...run })
      const made: Optimizer = resolveOptimizer(optimizer)
      const goals = goalsOf(network, { loss, lossWeights, metrics })
      self.use(run)
      const shape = network.parameters.shape
      const slots = Object.fromEntries(
        made.state.map(name => [name, arrayOf('optimizer', { name, shape, kind: 'state' })]),
      )
      training = { optimizer: made, goals, slots, network: frozen(network) }
      // The optimiser starts afresh, and what is frozen has no gradients.
      for (const flat of [network.gradients, ...Object.values(slots)]) engine?.write(flat, new Float64Array(shape[0]))
      self.step = 0
      self.learningRate = made.learningRate
      plans = new Map()
    },
    use({ backend = settings.backend, threads = settings.threads, dtype = settings.dtype, ...others }) {
      nothingElse('use', others, { backend, threads, dtype })
      if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= mostThreads))
        throw new StateError(
          'bad-option',
          `use got ${String(threads).slice(0, 24)} threads, expected 1 … ${mostThreads}`,
          {
            hint: 'leave threads out, and there are as many as the machine has cores',
          },
        )
      if (backend === settings.backend && threads === settings.threads && dtype === settings.dtype) return
      if (engine?.idle?.())
        throw new BackendError('busy', 'use was called while the engine runs steps', {
          hint: 'await fit first, or do it in a callback, between two steps',
        })
      settings = { backend, threads, dtype }
      move()
    },
    feed(mode, batch, weighted = false) {
      const { optimizer } = mode === 'predict' ? {} : compiled(self, mode)
      const made = planned(mode, batch, weighted)
      const then = plans
      const series = made.series ?? oneByOne(ready(), made)
      return {
        capacity: series.capacity,
        parts: series.parts,
        idle: () => engine?.idle?.(),
        isOver: () => plans !== then,
        x: part => series.input(made.x, part),
        y: part => made.y && series.input(made.y, part),
        weights: part => series.input(made.weights!, part),
        run(count, { first = 0, cycle = count, seed = self.seed } = {}) {
          const [before, rate] = [self.step, optimizer?.rate]
          if (mode === 'train') {
            self.step += count
            if (rate) self.learningRate = rate(self.step)
          }
          ready()
          const scalars: ScalarsOfSteps = {
            t: mode === 'train' ? step => before + step + 1 : before,
            learningRate: mode === 'train' && rate ? step => rate(before + step + 1) : self.learningRate,
            seed,
          }
          const running = series.run(count, scalars, first, cycle)
          if (mode === 'train') numbers.changed()
          return running
        },
        results: () => series.output(made.out),
      }
    },
    async run(mode, batch, x, y, seed) {
      const feed = self.feed(mode, batch)
      const { x: samples, y: targets, out } = planned(mode, batch)
      mustFill('run', samples, x)
      if (targets) mustFill('run', targets, y)
      await feed.idle()
      feed.x(0).set(x)
      feed.y(0)?.set(y)
      await feed.run(1, { seed })
      return Array.from(feed.results().numbers.subarray(0, sizeOf(out.shape)))
    },
    async forward(batch, x) {
      await ready().idle?.()
      const run = planned('predict', batch)
      mustFill('forward', run.x, x)
      ready().write(run.x, x)
      await run.run({})
      return ready().read(run.out)
    },
    forwardSync(batch, x) {
      const run = planned('predict', batch)
      mustFill('forwardSync', run.x, x)
      ready().write(run.x, x)
      if (run.run({}))
        throw new StateError('needs-waiting', `predictSync was asked of an engine that does not answer at once`, {
          hint: 'await model.predict(…)',
        })
      return ready().read(run.out)
    },
    kernels(mode = 'train', batchSize = 32) {
      if (mode !== 'predict') compiled(self, 'kernels')
      const { profile } = planned(mode, batchSize)
      const limits = ready().limits?.()
      if (!profile || !limits) return `The ${ready().name} engine runs plain loops; there are no kernels to time.`
      const before = lasting().map(buffer => [buffer, ready().read(buffer)] as const)
      const scalars = { t: 1, learningRate: 0, seed: self.seed }
      const runs = Array.from({ length: timedRuns }, () => profile(scalars))
      for (const [buffer, values] of before) ready().write(buffer, values)
      const median = (i: number) => runs.map(run => run[i].milliseconds).sort((a, b) => a - b)[timedRuns >> 1]
      return kernelTable(
        runs[0].map((timing, i) => ({ ...timing, milliseconds: median(i) })),
        limits,
      )
    },
    weights() {
      const engine = ready()
      return entries.map(entry => ({ name: entry.name, shape: entry.shape, data: numbersOf(engine, entry) }))
    },
    setWeights(weights) {
      const set = new Map<number, ArrayLike<number>>()
      const places = new Map(entries.map(({ name }, place) => [name, place]))
      for (const { name, shape, data } of weights) {
        const place = places.get(name) ?? -1
        const entry = entries[place]
        if (!entry)
          throw new StateError('unknown-weight', `the model has no weight ${JSON.stringify(name)?.slice(0, 40)}`, {
            evidence: [
              [
                'known',
                entries
                  .map(e => e.name)
                  .join(', ')
                  .slice(0, 200),
              ],
            ],
            hint:
              name === undefined
                ? 'give what getWeights gives: { name, data }'
                : 'the file belongs to a model of other layers or names',
          })
        const expected = printShape(entry.shape)
        if (data.length !== sizeOf(entry.shape) || (shape && printShape(shape) !== expected))
          throw new ShapeError(
            'weight-shape',
            `${name} got ${shape ? printShape(shape) : data.length}, expected ${expected}`,
            {
              hint: 'the weights belong to a model of another shape',
            },
          )
        set.set(place, data)
      }
      // A model that gets all its arrays draws none.
      if (engine || closed || set.size < entries.length)
        put(
          ready(),
          [...set].map(([place, values]) => ({ place, values })),
        )
      else given = entries.map((_, place) => new Float64Array(set.get(place)!))
      numbers.changed()
    },
    gradients: () => weightsIn(network.gradients),
    optimizerState: () =>
      Object.entries(compiled(self, 'optimizerState').slots).flatMap(([slot, buffer]) => weightsIn(buffer, `${slot}/`)),
    setOptimizerState(state) {
      const { slots } = compiled(self, 'setOptimizerState')
      const states = new Map(state.map(({ name, data }) => [name, data]))
      const parts = Object.entries(slots).flatMap(([slot, buffer]) =>
        network.nodes
          .flatMap(node => node.parameters)
          .map(({ name, shape, offset }) => {
            const values = states.get(`${slot}/${name}`)
            if (values?.length === sizeOf(shape)) return { buffer, values, offset }
            throw new StateError('optimizer-state', `the optimiser state of ${name} is missing or of another size`, {
              hint: 'the file is not one that model.save wrote; compile again to start the optimiser afresh',
            })
          }),
      )
      for (const { buffer, values, offset } of parts) ready().write(buffer, values, offset)
    },
    freeze(batchSize) {
      const { freeze, name } = ready()
      if (!freeze)
        throw new BackendError('not-compiled', `the engine ${name} compiles nothing that could run by itself`, {
          hint: "model.use({ dtype: 'float32' }) moves the model to the engine that does",
        })
      const { program, x, out } = plan(network, 'predict', batchSize)
      const { start, ...frozen } = freeze(program)
      return { ...frozen, x: start(x), out: start(out) }
    },
    summary({ batchSize, style, expandNested, print, ...others } = {}) {
      nothingElse('summary', others, { style, expandNested, print, batchSize })
      const table = summary(self, { style, expandNested, print })
      if (batchSize === undefined) return table
      compiled(self, 'summary with a batch size')
      const { bytes } = planned('train', batchSize)
      if (bytes === undefined) return table
      const kept = lasting().reduce((sum, buffer) => sum + 4 * sizeOf(buffer.shape), 0)
      return `${table} Memory of a training step of ${batchSize}: ${((bytes + kept) / 2 ** 20).toFixed(1)} MB\n`
    },
    explain(mode = 'train', batchSize = 32) {
      const note = training && mode !== 'predict' ? announcement(network, training.goals) : undefined
      const goal = mode === 'predict' ? training : compiled(self, 'explain')
      return [...(note ? [`# ${note}`] : []), explain(plan(network, mode, batchSize, goal).program)].join('\n')
    },
    close() {
      numbers.leave()
      release()
      closed = true
    },
  }
  const call = (...inputs: readonly (Source | readonly Source[])[]) => inlined(self, inputs.flat())
  const self: Model = Object.defineProperties(call, Object.getOwnPropertyDescriptors(face)) as unknown as Model
  return self
}

/** What a batch leaves out would be what the last one left there. */
function mustFill(who: string, { name, shape }: Buffer, values?: ArrayLike<number>): void {
  const size = sizeOf(shape)
  if (values?.length === size) return
  throw new ShapeError('wrong-length', `${who} got ${values?.length ?? 'no'} numbers for ${name}, expected ${size}`, {
    evidence: [[name, printShape(shape)]],
    hint: 'give the numbers of the whole batch, one sample behind the other; fit and predict take any number of samples',
  })
}
