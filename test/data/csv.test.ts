import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { layers, sequential } from 'nabla'
import { afterAll, describe, expect, it } from 'vitest'
import { type CsvOptions, readCsv } from '../../src/data/csv.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { order } from '../../src/data/order.ts'
import { DataError } from '../../src/errors.ts'

const path = (name: string) => fileURLToPath(new URL(`../fixtures/seeds/003/${name}`, import.meta.url))
const bytes = (text: string) => new TextEncoder().encode(text)

function rows(data: Dataset) {
  const x = new Float64Array(data.size * data.inputShape.reduce((a, b) => a * b, 1))
  const y = new Float64Array(data.size)
  data.fill(Array.from({ length: data.size }, (_, row) => row), x, data.hasTargets ? y : undefined) // biome-ignore format: one thought
  return { x: [...x], y: data.hasTargets ? [...y] : [] }
}

describe('the digits of Kaggle', () => {
  const [, ...lines] = readFileSync(path('train_sample.csv'), 'utf8').trim().split(/\r?\n/)
  const table = lines.map(line => line.split(',').map(Number))

  it('with labels are read as they are', async () => {
    const data = await readCsv(path('train_sample.csv'), { inputShape: [28, 28, 1], classes: 10, max: 255 })
    expect(data).toMatchObject({ size: 20, inputShape: [28, 28, 1], classes: 10, finite: true })
    expect(rows(data)).toEqual({ x: table.flatMap(row => row.slice(1)), y: table.map(row => row[0]) })
  })

  it('without labels have no targets', async () => {
    const data = await readCsv(path('test_sample.csv'))
    expect(data).toMatchObject({ size: 10, inputShape: [784], hasTargets: false })
  })

  it('come the same in pieces of any size', async () => {
    const whole = readFileSync(path('train_sample.csv'))
    async function* pieces() {
      for (let at = 0; at < whole.length; at += 777) yield whole.subarray(at, at + 777)
    }
    expect(rows(await readCsv(pieces()))).toEqual(rows(await readCsv(whole)))
  })

  it('stop at the limit', async () => expect((await readCsv(path('train_sample.csv'), { limit: 3 })).size).toBe(3))

  it('of the wrong size are refused', async () => {
    await expect(readCsv(path('train_sample.csv'), { inputShape: [10, 10, 1] })).rejects.toMatchObject({
      code: 'wrong-image-size',
      message: expect.stringContaining('row 1 has 784 values a sample, expected 100'),
    })
  })
})

/** Numbers as people and programs write them, most of them plain. */
const written = fc.oneof(
  fc.integer({ min: 0, max: 255 }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e30, max: 1e30 }).map(String),
  fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 17n }), fc.nat(17)).map(([digits, point]) => {
    const text = String(digits).padStart(point, '0')
    return `${text.slice(0, text.length - point)}.${text.slice(text.length - point)}`
  }).filter(text => text !== '.'),
  fc.constantFrom('-0', '+7', '007', '5.', '-.5', '1e3', ' 12 ', '0.1', '-3.25', '999999999999999', '9007199254740993'),
) // biome-ignore format: a list

describe('a table', () => {
  it('of numbers is read as JavaScript reads them, whatever its separator and line ends are', async () => {
    const lines = fc.integer({ min: 1, max: 5 }).chain(width => fc.array(fc.array(written, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 })) // biome-ignore format: one thought
    const property = fc.asyncProperty(lines, fc.constantFrom(',' as const, ';' as const, '\t' as const), fc.constantFrom('\n', '\r\n'), async (lines, separator, end) => {
      const text = lines.map(cells => cells.join(separator)).join(end)
      const data = await readCsv(bytes(text), { label: false, header: false, separator })
      expect(rows(data).x.map(value => value + 0)).toEqual(lines.flat().map(cell => Number(cell) + 0)) // bytes have no -0
    }) // biome-ignore format: one thought
    await fc.assert(property, { numRuns: 300 })
  })

  const plain = { x: [1, 2, 3, 4], y: [0, 1] }
  it.each<[string, string, CsvOptions, ReturnType<typeof rows>]>([
    ['with a header', 'label,a,b\n0,1,2\n1,3,4\n', {}, plain],
    ['with the label elsewhere', 'a,kind,b\n1,0,2\n3,1,4', { label: 'kind' }, plain],
    ['with CRLF', 'label,a,b\r\n0,1,2\r\n1,3,4\r\n', {}, plain],
    ['with a byte order mark', '\ufefflabel,a,b\n0,1,2\n1,3,4\n', {}, plain],
    ['with quotes', '"label","a","b"\n0,1,2\n1,3,4\n', {}, plain],
    ['with quotes, CRLF and mark', '\ufeff"label","a","b"\r\n"0","1","2"\r\n"1","3","4"\r\n', {}, plain],
    ['with quotes later on', 'label,a,b\n0,1,2\n\n"1",3,"4"', {}, plain],
    ['with blanks and empty lines', '\nlabel, a, b\n\n0, 1 ,2\n\n1,3, 4\n\n', {}, plain],
    ['without a header', '0,1,2\n1,3,4', {}, plain],
    ['without header and label', '1,2\n3,4', { label: false }, { x: [1, 2, 3, 4], y: [] }],
    ['whose shape takes all columns', '1,2\n3,4', { inputShape: [2] }, { x: [1, 2, 3, 4], y: [] }],
    ['of fractions', 'label,a\n0.5,-1.5\n2,1e2', {}, { x: [-1.5, 100], y: [0.5, 2] }],
    ['with line ends and commas between quotes', 'label,a,b\n0,"1","2"\r\n"1",3,"4\n"\n', {}, plain],
    ['with semicolons', 'label;a;b\n0;1;2\n"1";3;4\n', { separator: ';' }, plain],
    ['with tabs', 'label\ta\tb\n0\t1\t2\n1\t3\t4\n', { separator: '\t' }, plain],
    ['with the label last', 'a,b,kind\n1,2,0\n3,4,1', { label: -1 }, plain],
    ['with the label by its place', 'a,kind,b\n1,0,2\n3,1,4', { label: 1 }, plain],
    ['without a column', 'label,id,a,b\n0,x1,1,2\n1,7,3,4', { columns: { id: 'skip' } }, plain],
    ['of numbers under a header of numbers', '9,8,7\n0,1,2\n1,3,4', { header: true, label: '9' }, plain],
    ['of 64-bit floats', 'a\n0.1\n16777217\n', {}, { x: [0.1, 16777217], y: [] }],
    [
      'of signs and points',
      'a\n-0.25\n.5\n7.\n-3\n0.12345678901234568\n1e-3\n',
      {},
      { x: [-0.25, 0.5, 7, -3, 0.12345678901234568, 0.001], y: [] },
    ],
    ['that turns to floats late', 'label,a\n0,255\n1,256\n0,7', {}, { x: [255, 256, 7], y: [0, 1, 0] }],
  ])('%s', async (_, text, options, expected) => {
    expect(rows(await readCsv(bytes(text), options))).toEqual(expected)
  })

  it('of text chunks is read as well', async () => {
    async function* chunks() {
      yield '\ufeff'
      yield 'label,a,b\n0,1'
      yield ',2\n1,3,4'
    }
    expect(rows(await readCsv(chunks()))).toEqual(plain)
  })

  it.each<[string, string, string, CsvOptions]>([
    ['empty-table', 'the data has no rows of numbers', '', {}],
    ['empty-table', 'the data has no rows of numbers', '\ufeff', {}],
    ['empty-table', 'the data has no rows of numbers', 'label,a\n', {}],
    ['ragged-row', 'the data row 3 has 2 columns, expected 3', 'label,a,b\n0,1,2\n1,2\n', {}],
    ['ragged-row', 'the data row 3 has 4 columns, expected 3', 'label,a,b\n0,1,2\n1,2,3,4\n', {}],
    ['ragged-row', 'the data row 4 has 2 columns, expected 3', '"label",a,b\n0,1,2\n\n1,2\n', {}],
    ['bad-cell', 'the data row 3 column b holds "x", expected a number', 'label,a,b\n0,1,2\n0,1,x\n', {}],
    ['bad-cell', 'the data row 3 column b holds "7", but text above', 'label,a,b\n0,1,x\n0,1,7\n', {}],
    ['bad-cell', 'the data row 2 column a holds "n", expected a number', 'label,a\n0,n\n', { max: 9 }],
    [
      'bad-cell',
      'the data row 2 column a holds "n", expected a number',
      'label,a\n0,n\n',
      { columns: { a: 'number' } },
    ],
    ['bad-cell', 'the data row 3 column a holds "0x10", expected a number', 'label,a\n0,1\n0,0x10\n', {}],
    ['bad-cell', 'the data row 2 column a holds "1e99", expected a number', 'label,a\n0,1e99\n', {}],
    ['bad-cell', 'the data row 3 column a holds "n", expected a number', '"label","a"\n0,"1"\n0,"n"\n', {}],
    ['missing-value', 'the data row 3 column b holds "", expected a number', 'label,a,b\n0,1,2\n0,1,\n', {}],
    ['missing-value', 'the data row 3 column b holds "?", expected a category', 'label,a,b\n0,1,x\n0,1,?\n', {}],
    ['missing-value', 'the data row 2 column 2 holds "NaN", expected a number', '1,2\n0,NaN\n', {}],
    [
      'missing-value',
      'the data row 3 column label holds "NA", expected a number',
      'label,a\n0,1\nNA,1\n',
      { missing: 0 },
    ],
    ['bad-missing', 'the data column a has no value at all, so no median', 'label,a,b\n0,,1\n', { missing: 'median' }],
    ['bad-missing', 'the data column a holds categories, which 3 cannot stand in for', 'a\nx\nNA\n', { missing: 3 }],
    ['bad-column', 'the data row 1 has the column "a" twice', 'label,a,a\n0,1,2\n', {}],
    ['bad-column', 'the data row 1 has no column -4', 'a,b,c\n0,1,2\n', { label: -4 }],
    ['bad-label', 'the data column label has 3 categories, expected 2', 'label,a\nx,1\ny,1\nz,1', { classes: 2 }],
    ['bad-quotes', 'the data row 2 has quotes in the middle of cell 1', 'a,b\n5" pipe,7" pipe\n', {}],
    ['bad-cell', 'the data row 2 column a holds 256, expected 0 … 255', 'label,a\n0,256\n', { max: 255 }],
    ['bad-label', 'the data row 3 has label 10, expected 0 … 9', 'label,a\n9,1\n10,1\n', { classes: 10 }],
    ['bad-label', 'the data row 2 has label 0.5, expected 0 … 9', 'label,a\n0.5,1\n', { classes: 10 }],
    ['bad-column', 'the data row 1 has no column "digit"', 'digits,a\n0,1\n', { label: 'digit' }],
    ['bad-column', 'the data row 1 has one column only, the label', 'label\n0\n', {}],
    [
      'wrong-image-size',
      'train.csv row 1 has 2 values a sample, expected 4',
      'label,a,b\n0,1,2\n',
      { inputShape: [2, 2], name: 'train.csv' },
    ],
    ['bad-quotes', 'the data row 4 has quotes in the middle of cell 2', 'a,b\n"1\n",2\n3,4"\n', {}],
    ['ragged-row', 'the data row 4 has 1 columns, expected 2', 'a,b\n"1\n",2\n3\n', {}],
    ['long-line', 'the data row 2 is longer than 4 MiB', `a,b\n1,"${'2'.repeat(2 ** 23)}"\n`, {}],
    ['long-line', 'the data row 2 is longer than 4 MiB', `a,"b"\n1${','.repeat(2 ** 23)}\n`, {}],
    ['bad-quotes', 'the data row 1 opens quotes that are never closed', 'label,"a\n0,1\n', {}],
  ])('%s: %s', async (code, firstLine, text, options) => {
    const error = await readCsv(bytes(text), options).catch(error => error)
    expect(error).toBeInstanceOf(DataError)
    expect(error).toMatchObject({ code })
    if (firstLine) expect(error.message.split('\n')[0]).toBe(firstLine)
  })

  it('with quotes is the same in pieces of any size', async () => {
    const whole = bytes('\ufeffname;a;label\r\n\r\nplain;1;0\r\n "é; ""x""\ny" ;2;1\r\n\r\nplain;3;0')
    const expected = { x: [1, 0, 1, 0, 1, 2, 1, 0, 3], y: [0, 1, 0] }
    for (const size of [1, 2, 3, 7, 50, 1000]) {
      async function* pieces() {
        for (let at = 0; at < whole.length; at += size) yield whole.slice(at, at + size)
      }
      const data = await readCsv(pieces(), { separator: ';' })
      expect(rows(data)).toEqual(expected)
      expect(data.schema?.columns[0].categories).toEqual(['plain', 'é; "x"\ny'])
    }
  })

  it('with any texts between quotes gives them back, at their lines', async () => {
    const text = fc.array(fc.constantFrom('a', 'é', ' ', '"', ',', '\n', '\t'), { maxLength: 8 })
    const cell = text.map(parts => `x${parts.join('')}x`)
    const written = (value: string) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value)
    await fc.assert(
      fc.asyncProperty(
        fc.array(cell, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 40 }),
        async (cells, size) => {
          const lines = `"kind" ,label\r\n${cells.map((value, i) => ` ${written(value)} ,${i}\n`).join('')}`
          async function* pieces(last: string) {
            for (let at = 0, all = bytes(lines + last); at < all.length; at += size) yield all.slice(at, at + size)
          }
          const data = await readCsv(pieces(''))
          const { categories } = data.schema!.columns[0]
          const { x, y } = rows(data)
          const read = y.map((_, i) => categories![x.indexOf(1, i * categories!.length) - i * categories!.length])
          expect(read).toEqual(cells)
          const line = lines.split('\n').length
          await expect(readCsv(pieces('x,"1" 2\n'))).rejects.toThrow(
            `the data row ${line} has quotes in the middle of cell 2`,
          )
        },
      ),
      { numRuns: 200 },
    )
  })

  it('that is no file is named', async () => {
    await expect(readCsv('no/such.csv')).rejects.toThrow('no/such.csv cannot be read: no such file')
  })

  it('with any bytes changed, cut or added is read or refused, quickly', async () => {
    const whole = bytes('label,a,b\n0,1,2\n1,3,4\n2,255,0.5\n')
    const byte = fc.oneof(fc.constantFrom(...bytes('",\n\r0.e-\ufeff')), fc.integer({ min: 0, max: 255 }))
    const edits = fc.array(fc.tuple(fc.nat(whole.length - 1), byte), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(edits, fc.nat(whole.length), fc.array(byte, { maxLength: 6 }), async (changes, end, tail) => {
        const damaged = Uint8Array.from([...whole.subarray(0, end), ...tail])
        for (const [at, value] of changes) if (at < damaged.length) damaged[at] = value
        try {
          expect(rows(await readCsv(damaged)).x.every(Number.isFinite)).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(DataError)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('categories', () => {
  it('of a million cells may take 16 numbers for each cell that was read', async () => {
    async function* lines() {
      yield 'a,b,c,d,city,label\n'
      for (let i = 0; i < 300; i++)
        yield Array.from({ length: 1000 }, (_, k) => `1.5,2,3,4,town ${k % 60},1\n`).join('')
    }
    const data = await readCsv(lines())
    expect([data.size, ...data.inputShape]).toEqual([300_000, 64])
  })

  const people = 'port,age,label\nS,30,no\nC,40,yes\n"Q, north",50,no\n'

  it('become one-hot columns in alphabetical order, and labels become classes', async () => {
    const data = await readCsv(bytes(people))
    expect(data).toMatchObject({ inputShape: [4], classes: 2 })
    expect(rows(data)).toEqual({ x: [0, 0, 1, 30, 1, 0, 0, 40, 0, 1, 0, 50], y: [0, 1, 0] })
    expect(data.schema).toEqual({
      columns: [
        { name: 'port', kind: 'oneHot', shape: [], categories: ['C', 'Q, north', 'S'] },
        { name: 'age', kind: 'number', shape: [] },
      ],
      label: { name: 'label', kind: 'index', shape: [], categories: ['no', 'yes'] },
    })
    expect(data.select([0, 1]).scale(2).split({ testSize: 1, seed: 0 }).train.schema).toBe(data.schema)
  })

  it('become indices where that is asked for, of numbers too', async () => {
    const data = await readCsv(bytes('zip,label\n0210,1\n0209,0\n'), { columns: { zip: 'index' } })
    expect(rows(data).x).toEqual([1, 0])
  })

  it('of another file are those of the schema, whatever its order of columns', async () => {
    const schema = JSON.parse(JSON.stringify((await readCsv(bytes(people))).schema))
    const test = await readCsv(bytes('age,port\n20,C\n25,S\n'), { schema })
    expect(test).toMatchObject({ hasTargets: false, inputShape: [4] })
    expect(rows(test).x).toEqual([1, 0, 0, 20, 0, 0, 1, 25])
    expect(rows(await readCsv(bytes('label,age,port\nyes,20,C\n'), { schema })).y).toEqual([1])
  })

  it('leaves out in the next file what was left out', async () => {
    const text = 'name,age,label\nAnn,20,0\nBo,30,1\n'
    const { schema } = await readCsv(bytes(text), { columns: { name: 'skip' } })
    expect(schema?.skipped).toEqual(['name'])
    const again = JSON.parse(JSON.stringify(schema))
    expect(rows(await readCsv(bytes(text), { schema: again })).x).toEqual([20, 30])
    expect(rows(await readCsv(bytes('age\n25\n'), { schema: again })).x).toEqual([25])
  })

  it.each([
    ['unknown-category', 'test.csv row 3 column port holds "X", a category not seen before', 'age,port\n20,C\n25,X\n'],
    [
      'unknown-category',
      'test.csv row 2 column label holds "maybe", a category not seen',
      'age,port,label\n2,C,maybe\n',
    ],
    ['bad-column', 'test.csv row 1 has no column "port"', 'age\n20\n'],
    ['bad-column', 'test.csv row 1 has the column "name", which is not in the schema', 'age,port,name\n20,C,Bo\n'],
    ['bad-cell', 'test.csv row 2 column age holds "old", expected a number', 'age,port\nold,C\n'],
  ])('%s: %s', async (code, firstLine, text) => {
    const { schema } = await readCsv(bytes(people))
    await expect(readCsv(bytes(text), { schema, name: 'test.csv' })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(firstLine),
    })
  })
})

describe('missing values', () => {
  const table = 'a,b,c\n1,x,5\n,y,6\n3,NA,7\n8,y,\n'
  it.each<[CsvOptions['missing'], number[]]>([
    ['drop', [1, 1, 5]],
    ['mean', [1, 1, 0, 5, 4, 0, 1, 6, 3, 0, 1, 7, 8, 0, 1, 6]],
    ['median', [1, 1, 0, 5, 3, 0, 1, 6, 3, 0, 1, 7, 8, 0, 1, 6]],
    ['mode', [1, 1, 0, 5, 1, 0, 1, 6, 3, 0, 1, 7, 8, 0, 1, 5]],
    [{ a: -1, b: 'mode', c: 'drop' }, [1, 1, 0, 5, -1, 0, 1, 6, 3, 1, 0, 7]],
  ])('%j', async (missing, expected) => {
    const data = await readCsv(bytes(table), { missing })
    expect(rows(data).x).toEqual(expected)
    if (missing === 'drop') return
    const again = await readCsv(bytes('a,b,c\n,y,1\n'), { schema: data.schema, missing: 'error' })
    expect(rows(again).x.slice(0, 3)).toEqual([data.schema!.columns[0].fill, 0, 1])
  })
})

describe('a window at a time', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-csv-'))
  const file = join(folder, 'rows.csv')
  const line = (i: number) =>
    `${i % 7 === 3 ? '' : i},"${['red', 'green, dark', 'blue'][i % 3]}",${i % 2}\r\n${i % 5 ? '' : '\n'}`
  writeFileSync(file, `\ufeffa,colour,label\r\n${Array.from({ length: 100 }, (_, i) => line(i)).join('')}`)
  afterAll(() => rmSync(folder, { recursive: true }))
  const options: CsvOptions[] = [{ missing: 'drop' }, { missing: 'median' }, { missing: 'drop', limit: 41 }]

  it.each(options)('a table is what it is as a whole: %j', async given => {
    const whole = await readCsv(file, given)
    for (const window of [1, 7, 30, 1000]) {
      const data = await readCsv(file, { ...given, window })
      expect(data).toMatchObject({ size: whole.size, inputShape: whole.inputShape, classes: whole.classes })
      expect(data.schema).toEqual(whole.schema)
      expect(rows(data)).toEqual(rows(whole))
      const some = [5, 40, 4, 0, 39]
      expect(rows(data.select(some).scale(2))).toEqual(rows(whole.select(some).scale(2)))
    }
  })

  it('a split keeps the order of the file, and an epoch visits each row once, window by window', async () => {
    const data = await readCsv(file, { missing: { a: -1 }, window: 10 })
    const { train, test } = data.split({ testSize: 20, seed: 1 })
    const whole = (await readCsv(file, { missing: { a: -1 } })).split({ testSize: 20, seed: 1 })
    const sorted = (set: Dataset) => rows(set).x.filter((_, i) => i % 4 === 0).sort((a, b) => a - b) // biome-ignore format: one thought
    expect([sorted(train), sorted(test)]).toEqual([sorted(whole.train), sorted(whole.test)])
    const visited = order(train.size, { seed: 3, epoch: 1, windows: train.windows })
    expect([...visited].sort((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (_, i) => i))
    expect(visited).not.toEqual(order(train.size, { seed: 3, epoch: 2, windows: train.windows }))
    const window = (row: number) => train.windows!.findLastIndex(start => start <= row)
    const seen = [...visited].map(window)
    expect(seen.filter((w, i) => w !== seen[i - 1])).toHaveLength(10)
  })

  it('a model trains on it as on the whole', async () => {
    const model = sequential([layers.input([1]), layers.dense(1)], { seed: 1 })
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
    writeFileSync(file, Array.from({ length: 64 }, (_, i) => `${i / 32},${i / 64}\n`).join(''))
    const data = await readCsv(file, { label: 0, window: 16 })
    const { history } = await model.fit(data, { epochs: 60, batchSize: 10 })
    expect(history['loss'].at(-1)).toBeLessThan(history['loss'][0] / 4)
  })

  it('a file that has changed is refused, and what is no file too', async () => {
    writeFileSync(file, 'a\n1\n2\n3\n')
    const data = await readCsv(file, { window: 2 })
    writeFileSync(file, 'a\n1\n')
    expect(() => rows(data)).toThrow(/has changed since it was opened/)
    await expect(readCsv(bytes('a\n1\n'), { window: 2 })).rejects.toMatchObject({ code: 'bad-window' })
  })
})
