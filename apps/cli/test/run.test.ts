import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { encode } from 'fast-png'
import { writeNpz } from 'nabla/npy'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../src/run.ts'
import { capture } from './capture.ts'
import { bars, idx, idxFolder } from './idx.ts'

const box = mkdtempSync(join(tmpdir(), 'nabla-cli-'))
const at = (...names: string[]) => join(box, ...names)
const nabla = async (...argv: string[]) => {
  const io = capture()
  const code = await run(argv, io)
  return { code, out: io.stdout(), err: io.stderr() }
}

/** A table of bars: digit d is d + 1 bright columns. */
function table(rows: number, { label = true, width = 784, labels = (row: number) => row % 10 } = {}): string {
  const pixels = (digit: number) => Array.from({ length: width }, (_, i) => (i % 28 <= digit ? 200 : 0))
  const names = Array.from({ length: width }, (_, i) => `pixel${i}`)
  const lines = Array.from({ length: rows }, (_, row) => [...(label ? [labels(row)] : []), ...pixels(row % 10)])
  return `${[[...(label ? ['label'] : []), ...names], ...lines].map(line => line.join(',')).join('\n')}\n`
}

const stroke = (width: number, height: number) =>
  encode({
    width,
    height,
    channels: 1,
    data: Uint8Array.from({ length: width * height }, (_, i) => (Math.abs((i % width) - width / 2) < 2 ? 255 : 0)),
  })

beforeAll(() => {
  writeFileSync(at('train.csv'), table(60))
  writeFileSync(at('test.csv'), table(7, { label: false }))
  writeFileSync(at('small.csv'), table(20, { width: 100 }))
  writeFileSync(at('labels.csv'), table(20, { labels: row => (row === 3 ? 12 : 1) }))
  writeFileSync(at('ragged.csv'), `${table(20)}1,2,3\n`)
  writeFileSync(at('four.png'), stroke(60, 80))
  writeFileSync(at('raw.png'), stroke(28, 28))
  writeFileSync(at('broken.png'), stroke(60, 80).subarray(0, 50))
  writeFileSync(at('file'), 'not a folder')
  idxFolder(at('idx'))
  for (const digit of ['0', '3', '8'])
    for (let i = 0; i < 6; i++) {
      mkdirSync(at('pictures', digit), { recursive: true })
      writeFileSync(at('pictures', digit, `${i}.png`), stroke(28 + 4 * i, 28))
    }
  mkdirSync(at('letters', 'a'), { recursive: true })
  writeFileSync(at('letters', 'a', '1.png'), stroke(28, 28))
  writeFileSync(at('digits.npz'), writeNpz({ x: { shape: [20, 784], data: new Uint8Array(20 * 784).fill(9) }, y: { shape: [20], data: Int32Array.from({ length: 20 }, (_, i) => i % 10) } })) // biome-ignore format: one thought
  const { images, labels } = bars(50)
  const broken: Record<string, Parameters<typeof idxFolder>[1]> = {
    'idx-missing': { 't10k-labels-idx1-ubyte': undefined },
    'idx-short': { 'train-images-idx3-ubyte': images.subarray(0, 20_000) },
    'idx-gzip': {
      'train-images-idx3-ubyte': undefined,
      'train-images-idx3-ubyte.gz': gzipSync(images).subarray(0, 60),
    },
    'idx-magic': { 'train-images-idx3-ubyte': Buffer.from('<html>Not found</html>') },
    'idx-label': { 'train-labels-idx1-ubyte': bars(50, 28, row => (row === 3 ? 12 : 1)).labels },
    'idx-size': { 'train-images-idx3-ubyte': bars(50, 20).images },
    'idx-count': { 'train-labels-idx1-ubyte': idx([49], labels.subarray(8, 57)) },
  }
  for (const [name, changed] of Object.entries(broken)) idxFolder(at(name), changed)
})
afterAll(() => rmSync(box, { recursive: true, force: true }))

const train = (...more: string[]) => ['train', 'digits', '--data', at('train.csv'), '--batch', '16', ...more]

test.each([
  ['pictures', 18],
  ['digits.npz', 20],
])('digits are learnt from %s, and measured on the whole of it when it is named', async (name, size) => {
  const { code, err } = await nabla('train', 'digits', '--data', at(name), '--epochs', '1', '--out', at(`from-${name}`))
  expect(err).not.toContain('error')
  expect(code).toBe(0)
  expect((await nabla('evaluate', at(`from-${name}`))).out).toMatch(/held-out accuracy .* of [34] misread/)
  expect((await nabla('evaluate', at(`from-${name}`), '--data', at(name))).out).toContain(` of ${size} misread`)
})

describe('a run', () => {
  test('leaves a folder with the model, the events, the figures and a report', async () => {
    const { code, out, err } = await nabla(...train('--epochs', '2', '--out', at('a')))
    expect(err).not.toContain('error')
    expect(code).toBe(0)
    expect(out).toMatch(/^held-out accuracy [\d.]+ % \(\d+ of 10 misread\)\nreport: .*report\.html\n$/)
    expect(err).toContain('Epoch 2/2 4/4 ')
    expect(readdirSync(at('a')).sort()).toEqual(
      ['best', 'events.jsonl', 'model', 'report.html', 'run.json']
        .concat(['accuracy', 'confusion', 'loss', 'misread'].flatMap(name => [`${name}.png`, `${name}.svg`]))
        .sort(),
    )
    const events = readFileSync(at('a', 'events.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(events[0]).toMatchObject({ type: 'begin', epochs: 2, samples: 50, seed: 1 })
    expect(events.filter(({ type }) => type === 'epoch')).toHaveLength(2)
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'complete' })
    expect(readFileSync(at('a', 'report.html'), 'utf8')).toContain('Training and validation loss')
    expect(JSON.parse(readFileSync(at('a', 'run.json'), 'utf8'))).toEqual({
      network: 'digits',
      epochs: 2,
      batch: 16,
      seed: 1,
      augment: true,
      finalRate: 0.03,
      data: at('train.csv'),
      split: 'mnist',
    })
  })

  test('goes on with --resume to the same bits as one that was never stopped', async () => {
    await nabla(...train('--epochs', '1', '--out', at('b'), '--quiet'))
    const { code } = await nabla('train', 'digits', '--resume', '--epochs', '2', '--out', at('b'), '--quiet')
    expect(code).toBe(0)
    for (const part of ['model', 'best'])
      expect(
        readFileSync(at('b', part, 'weights.safetensors')).equals(readFileSync(at('a', part, 'weights.safetensors'))),
      ).toBe(true)
  })

  test('that is finished already only writes its report again', async () => {
    rmSync(at('a', 'report.html'))
    expect((await nabla('train', 'digits', '--resume', '--out', at('a'), '--quiet')).code).toBe(0)
    expect(existsSync(at('a', 'report.html'))).toBe(true)
  })

  test('takes away with --resume what was half written when it was killed', async () => {
    await nabla(...train('--epochs', '1', '--out', at('killed'), '--quiet'))
    mkdirSync(at('killed', 'best.0123abcd.tmp'))
    expect((await nabla('train', 'digits', '--resume', '--out', at('killed'), '--quiet')).code).toBe(0)
    expect(existsSync(at('killed', 'best.0123abcd.tmp'))).toBe(false)
  })

  test('says so where events cannot be written any more', async () => {
    mkdirSync(at('full', 'events.jsonl'), { recursive: true })
    const { code, err } = await nabla(...train('--epochs', '1', '--out', at('full'), '--quiet'))
    expect([code, err]).toEqual([1, expect.stringMatching(/cannot write ".*events.jsonl"\n {2}reason {2}EISDIR/)])
  })

  test('stops at Ctrl-C, keeps what it has and says how to go on', async () => {
    const io = capture()
    const err = io.err
    let lines = 0
    const watched = {
      ...io,
      out: (text: string) => (text.includes('"step"') && ++lines === 6 ? io.interrupt() : io.out(text)),
      err,
    }
    expect(await run(train('--epochs', '2', '--out', at('c'), '--json'), watched)).toBe(130)
    expect(io.stderr()).toContain('stopped after 1 of 2 epochs')
    expect(io.stderr()).toContain(`nabla train digits --resume --out ${at('c')}`)
    expect(readFileSync(at('c', 'report.html'), 'utf8')).toContain('Stopped after 1 of 2 epochs')
    expect((await nabla('train', 'digits', '--resume', '--out', at('c'), '--quiet')).code).toBe(0)
    expect(
      readFileSync(at('c', 'model', 'weights.safetensors')).equals(
        readFileSync(at('a', 'model', 'weights.safetensors')),
      ),
    ).toBe(true)
    expect(readFileSync(at('c', 'report.html'), 'utf8')).not.toContain('Stopped after')
  })

  test('stopped within its first epoch keeps a model that can be used', async () => {
    const io = capture()
    const watched = { ...io, out: (text: string) => (text.includes('"step"') ? io.interrupt() : io.out(text)) }
    expect(await run(train('--out', at('d'), '--json'), watched)).toBe(130)
    expect(readdirSync(at('d'))).toContain('interrupted')
    expect((await nabla('predict', at('d'), at('four.png'))).code).toBe(0)
  })

  test('makes its folder when the data has been read, so that a Ctrl-C before leaves nothing', async () => {
    const io = capture()
    const found: boolean[] = []
    const err = (text: string) => void (text.includes('images to train on') && found.push(existsSync(at('f'))))
    expect(await run(train('--epochs', '1', '--out', at('f')), { ...io, err })).toBe(0)
    expect(found).toEqual([false])
  })

  test('with --json prints events alone', async () => {
    const { out } = await nabla(...train('--epochs', '1', '--out', at('e'), '--json'))
    const types = out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).type)
    expect(new Set(types)).toEqual(new Set(['begin', 'step', 'validation', 'epoch', 'end', 'result']))
  })
})

test('digits come from a folder of idx files too, packed or not', async () => {
  const { images } = bars(50)
  idxFolder(at('packed'), {
    'train-images-idx3-ubyte': undefined,
    'train-images-idx3-ubyte.gz': gzipSync(images),
  })
  for (const data of ['idx', 'packed']) {
    const argv = ['train', 'digits', '--data', at(data), '--epochs', '1', '--batch', '16', '--out', at(`of-${data}`)]
    expect((await nabla(...argv)).out).toMatch(/^test accuracy [\d.]+ % \(\d+ of 10 misread\)/)
  }
  const weights = (run: string) => readFileSync(at(run, 'model', 'weights.safetensors'))
  expect(weights('of-idx').equals(weights('of-packed'))).toBe(true)
  expect((await nabla('evaluate', at('of-idx'), '--data', at('idx'))).out).toMatch(/test accuracy .* of 10 misread/)
})

describe('a trained model', () => {
  test('is evaluated on what its run held out, or on a whole table', async () => {
    expect((await nabla('evaluate', at('a'))).out).toMatch(
      /^loss: [\d.e-]+ - held-out accuracy [\d.]+ % \(\d+ of 10 misread\)\n$/,
    )
    expect((await nabla('evaluate', at('a'), '--data', at('train.csv'))).out).toContain('of 60 misread')
    expect((await nabla('evaluate', at('a', 'model'), '--data', at('train.csv'))).code).toBe(0)
  })

  test('reads a picture and gives the three most probable digits', async () => {
    for (const more of [[at('four.png')], [at('raw.png'), '--raw']]) {
      const { code, out } = await nabla('predict', at('a'), ...more)
      expect(code).toBe(0)
      expect(out).toMatch(/^(\d +\d+\.\d\d %\n){3}$/)
    }
  })

  test('writes a submission for a table without labels', async () => {
    expect((await nabla('predict', at('a'), at('test.csv'), '-o', at('answers.csv'))).code).toBe(0)
    expect(readFileSync(at('answers.csv'), 'utf8')).toMatch(
      /^ImageId,Label\n1,\d\n2,\d\n3,\d\n4,\d\n5,\d\n6,\d\n7,\d\n$/,
    )
    expect((await nabla('predict', at('a'), at('test.csv'))).out).toBe(readFileSync(at('answers.csv'), 'utf8'))
  })

  test('is summed up, as is the network before training', async () => {
    expect((await nabla('summary', 'digits')).out).toContain('345,338')
    expect((await nabla('summary', at('a'))).out).toContain('345,338')
  })
})

const from = (folder: string) => ['train', 'digits', '--data', at(folder), '--out', at('x')]

describe('bad input is one clear error with a hint and exit code 1', () => {
  const server = createServer()
  beforeAll(async () => {
    mkdirSync(at('no-pictures', '.hidden'), { recursive: true })
    await new Promise<void>(done => server.listen(at('socket'), done))
  })
  afterAll(() => void server.close())

  type Case = [string, () => string[], RegExp]
  const nowhere: Case = [
    'a folder that can be made nowhere',
    () => train('--out', '/proc/none/x'),
    /write "\/proc\/none\/x"/,
  ]
  const cases: Case[] = [
    ['a table that is not there', () => ['train', 'digits', '--data', at('none.csv'), '--out', at('x')], /none\.csv/],
    ['a table of small images', () => ['train', 'digits', '--data', at('small.csv'), '--out', at('x')], /./],
    ['a label out of range', () => ['train', 'digits', '--data', at('labels.csv'), '--out', at('x')], /12/],
    ['pictures of letters', () => ['train', 'digits', '--data', at('letters'), '--out', at('x')], /class "a"/],
    ['an empty folder of pictures', () => from('no-pictures'), /no-pictures has no pictures\n/],
    ['a place that cannot be opened', () => ['predict', at('a'), at('socket')], /socket" cannot be read: ENXIO\n/],
    ['a ragged table', () => ['train', 'digits', '--data', at('ragged.csv'), '--out', at('x')], /./],
    ['a folder without the files', () => from('idx-missing'), /t10k-labels-idx1-ubyte cannot be read: no such file/],
    [
      'an idx file that ends early',
      () => from('idx-short'),
      /train-images-idx3-ubyte ends early: 20000 bytes of 39216/,
    ],
    ['a packed idx file that ends early', () => from('idx-gzip'), /train-images-idx3-ubyte\.gz cannot be unpacked/],
    ['a page in place of an idx file', () => from('idx-magic'), /is no idx file: it starts with 3c 68 74 6d/],
    ['an idx label out of range', () => from('idx-label'), /has the train label 12, expected 0 … 9/],
    ['idx images of another size', () => from('idx-size'), /train images 20×20, expected 28×28/],
    ['idx files of different lengths', () => from('idx-count'), /50.*49|49.*50/],
    ['an unwritable folder', () => train('--out', at('file', 'x')), /cannot write ".*file.x"\n {2}reason/],
    ...(process.platform === 'linux' ? [nowhere] : []),
    ['a folder that holds a run', () => train('--out', at('a')), /already holds a run/],
    [
      'a folder to resume that holds no run',
      () => ['train', 'digits', '--resume', '--out', at('none')],
      /holds no run/,
    ],
    [
      'another seed for a run',
      () => ['train', 'digits', '--resume', '--out', at('a'), '--seed', '2'],
      /--seed 2 differs/,
    ],
    ['a run that is not there', () => ['evaluate', at('none')], /there is no run or model/],
    ['a picture that is not there', () => ['predict', at('a'), at('none.png')], /there is no file/],
    ['a folder for a picture', () => ['predict', at('a'), box], /is a folder/],
    ['a broken picture', () => ['predict', at('a'), at('broken.png')], /no sound PNG: it ends in the middle/],
    ['another size with --raw', () => ['predict', at('a'), at('four.png'), '--raw'], /60×80, but --raw expects 28×28/],
    ['an unwritable submission', () => ['predict', at('a'), at('test.csv'), '-o', at('file', 'x.csv')], /cannot write/],
  ]
  test.each(cases)('%s', async (_, argv, message) => {
    const before = readdirSync(box).sort()
    const { code, out, err } = await nabla(...argv())
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(message)
    expect(err.match(/error:/g)).toHaveLength(1)
    expect(err).toMatch(/\n {2}hint: .+\n$/)
    expect(err).not.toMatch(/\n\s+at /)
    expect(readdirSync(box).sort()).toEqual(before)
  })
})

describe('bad usage has exit code 2 and a suggestion', () => {
  test.each([
    [['train', 'digits', '--epoch', '3'], /unknown option '--epoch'[\s\S]*--epochs/],
    [['trian', 'digits'], /unknown command 'trian'[\s\S]*train/],
    [['train', 'digts'], /'digts' is invalid[\s\S]*Known networks:\n {2}digits /],
    [['train', 'digits', '--epochs', 'many'], /'many' is invalid\. Expected a whole number from 1/],
    [['train', 'digits', '--epochs', '0'], /'0' is invalid/],
    [['train', 'digits', '--seed', '-1'], /'-1' is invalid|argument missing/],
    [['train', 'digits', '--batch', '6.5'], /'6.5' is invalid/],
    [['train', 'digits', '--split', 'half'], /Allowed choices are mnist, texts/],
    [['train'], /missing required argument 'network'/],
    [['predict', 'run'], /missing required argument 'input'/],
    [['summary', 'digits', 'more'], /too many arguments/],
  ])('%j', async (argv, message) => {
    const { code, out, err } = await nabla(...argv)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(message)
    expect(err).toContain('hint: nabla')
  })

  test('help and version are fine', async () => {
    expect(await nabla('--help')).toMatchObject({ code: 0, err: '', out: expect.stringContaining('train') })
    expect(await nabla('train', '--help')).toMatchObject({ code: 0, out: expect.stringContaining('--epochs') })
    expect(await nabla('--version')).toMatchObject({ code: 0, out: '0.1.0\n' })
  })
})
