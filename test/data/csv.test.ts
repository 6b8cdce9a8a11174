import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CsvOptions, readCsv } from '../../src/data/csv.ts'
import type { Dataset } from '../../src/data/dataset.ts'
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

describe('a table', () => {
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
    ['csv-empty', 'the data has no rows of numbers', '', {}],
    ['csv-empty', 'the data has no rows of numbers', '\ufeff', {}],
    ['csv-empty', 'the data has no rows of numbers', 'label,a\n', {}],
    ['csv-ragged', 'the data row 3 has 2 columns, expected 3', 'label,a,b\n0,1,2\n1,2\n', {}],
    ['csv-ragged', 'the data row 3 has 4 columns, expected 3', 'label,a,b\n0,1,2\n1,2,3,4\n', {}],
    ['csv-ragged', 'the data row 4 has 2 columns, expected 3', '"label",a,b\n0,1,2\n\n1,2\n', {}],
    ['csv-not-a-number', 'the data row 2 column b holds "x", expected a number', 'label,a,b\n0,1,x\n', {}],
    ['csv-not-a-number', 'the data row 3 column b holds "", expected a number', 'label,a,b\n0,1,2\n0,1,\n', {}],
    ['csv-not-a-number', 'the data row 2 column a holds "0x10", expected a number', 'label,a\n0,0x10\n', {}],
    ['csv-not-a-number', 'the data row 2 column a holds "1e99", expected a number', 'label,a\n0,1e99\n', {}],
    ['csv-not-a-number', 'the data row 2 column 2 holds "NaN", expected a number', '1,2\n0,NaN\n', {}],
    ['csv-not-a-number', 'the data row 2 column a holds "n", expected a number', '"label","a"\n0,"n"\n', {}],
    ['csv-value', 'the data row 2 column a holds 256, expected 0 … 255', 'label,a\n0,256\n', { max: 255 }],
    ['bad-label', 'the data row 3 has label 10, expected 0 … 9', 'label,a\n9,1\n10,1\n', { classes: 10 }],
    ['bad-label', 'the data row 2 has label 0.5, expected 0 … 9', 'label,a\n0.5,1\n', { classes: 10 }],
    ['csv-column', 'the data row 1 has no column "digit"', 'digits,a\n0,1\n', { label: 'digit' }],
    ['csv-column', 'the data row 1 has one column only, the label', 'label\n0\n', {}],
    [
      'wrong-image-size',
      'train.csv row 1 has 2 values a sample, expected 4',
      'label,a,b\n0,1,2\n',
      { inputShape: [2, 2], name: 'train.csv' },
    ],
    ['csv-quotes', '', 'label,"a\n0,1\n', {}],
  ])('%s: %s', async (code, firstLine, text, options) => {
    const error = await readCsv(bytes(text), options).catch(error => error)
    expect(error).toBeInstanceOf(DataError)
    expect(error).toMatchObject({ code })
    if (firstLine) expect(error.message.split('\n')[0]).toBe(firstLine)
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
