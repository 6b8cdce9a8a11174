import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readData } from 'nabla/data'
import { describe, expect, it } from 'vitest'
import type { Dataset } from '../../src/data/dataset.ts'
import { readJsonLines } from '../../src/data/jsonLines.ts'
import type { TableOptions } from '../../src/data/schema.ts'
import { DataError } from '../../src/errors.ts'

const bytes = (...lines: string[]) => new TextEncoder().encode(lines.join('\n'))
function rows(data: Dataset) {
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, data.size)
  const [x, y] = [new Float64Array(size(data.inputShape)), new Float64Array(size(data.targetShape))]
  data.fill(Array.from({ length: data.size }, (_, row) => row), x, data.hasTargets ? y : undefined) // biome-ignore format: one thought
  return { x: [...x], y: data.hasTargets ? [...y] : [] }
}

describe('JSON lines', () => {
  it.each<[string, string[], TableOptions, number[], number[], number[]]>([
    ['of numbers', ['{"a":1,"b":2,"label":0}', '', '{"label":1,"b":4,"a":3}'], {}, [2], [1, 2, 3, 4], [0, 1]],
    ['of truths', ['{"a":true,"label":false}', '{"a":false,"label":true}'], {}, [1], [1, 0], [0, 1]],
    ['of categories', ['{"a":"y","label":"no"}', '{"a":"x","label":"go"}'], {}, [2], [0, 1, 1, 0], [1, 0]],
    ['of lists', ['{"a":[[1,2],[3,4]]}', '{"a":[[5,6],[7,8]]}'], {}, [2, 2], [1, 2, 3, 4, 5, 6, 7, 8], []],
    ['of lists beside numbers', ['{"n":7,"a":[1,2],"m":8,"b":[3]}'], {}, [5], [7, 1, 2, 8, 3], []],
    ['of lists as targets', ['{"label":[0,1],"a":5}', '{"label":[1,0],"a":6}'], {}, [1], [5, 6], [0, 1, 1, 0]],
    ['with a byte order mark', ['\ufeff{"a":1}\r', '{"a":2}\r'], {}, [1], [1, 2], []],
    ['with what is missing', ['{"a":1}', '{"a":null}', '{}', '{"a":3}'], { missing: 'mean' }, [1], [1, 2, 2, 3], []],
    ['with __proto__', ['{"__proto__":1,"b":2}', '{"__proto__":3,"b":4}'], {}, [2], [1, 2, 3, 4], []],
    ['with an image', ['{"a":[1,2,3,4]}'], { inputShape: [2, 2, 1] }, [2, 2, 1], [1, 2, 3, 4], []],
  ])('%s', async (_, lines, options, shape, x, y) => {
    const data = await readJsonLines(bytes(...lines), options)
    expect(data.inputShape).toEqual(shape)
    expect(rows(data)).toEqual({ x, y })
  })

  it('are read in the way of another file', async () => {
    const { schema } = await readJsonLines(bytes('{"a":"y","n":[1,2],"label":1}', '{"a":"x","n":[3,4],"label":0}'))
    expect(rows(await readJsonLines(bytes('{"n":[5,6],"a":"x"}'), { schema }))).toEqual({ x: [1, 0, 5, 6], y: [] })
    await expect(readJsonLines(bytes('{"n":[5],"a":"x"}'), { schema })).rejects.toMatchObject({ code: 'bad-cell' })
    await expect(readJsonLines(bytes('{"n":[5,6]}'), { schema })).rejects.toMatchObject({ code: 'missing-value' })
  })

  it('are read a window at a time', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nabla-jsonl-'))
    const file = join(folder, 'rows.jsonl')
    const line = (i: number) =>
      JSON.stringify({ a: [i, i / 2], b: ['x', 'y', null][i % 3], label: i % 2 ? 'no' : 'yes' })
    writeFileSync(file, Array.from({ length: 50 }, (_, i) => line(i)).join('\n'))
    const options = { missing: { b: 'drop' } } as const
    const whole = await readJsonLines(file, options)
    const parts = await readData(file, { ...options, window: 7 })
    expect(parts.schema).toEqual(whole.schema)
    expect(rows(parts)).toEqual(rows(whole))
    rmSync(folder, { recursive: true })
  })

  it.each([
    ['bad-json', 'the data row 2 is no JSON', ['{"a":1}', '{"a":1']],
    ['bad-json', 'the data row 1 is no object', ['[1,2]']],
    ['bad-json', 'the data row 1 is no JSON', ['{"a":NaN}']],
    ['bad-json', 'the data row 1 has the key "a" twice', ['{"a":1,"\\u0061":2}']],
    ['bad-column', 'the data row 2 has the column "b", which no row before has', ['{"a":1}', '{"a":1,"b":2}']],
    ['bad-cell', 'the data row 2 column a holds "x", expected a number', ['{"a":1}', '{"a":"x"}']],
    ['bad-cell', 'the data row 2 column a holds "1", but text above', ['{"a":"x"}', '{"a":1}']],
    ['bad-cell', 'the data row 1 column a holds "Infinity"', ['{"a":1e999}']],
    ['bad-cell', 'the data row 1 column a holds "{…}", expected one value', ['{"a":{"b":1}}']],
    ['bad-cell', 'the data row 2 column a holds a list [1], expected [2]', ['{"a":[1,2]}', '{"a":[1]}']],
    ['bad-cell', 'the data row 2 column a holds "1", expected a list [2]', ['{"a":[1,2]}', '{"a":1}']],
    ['bad-cell', 'the data row 1 column a holds a list [2, 2]', ['{"a":[[1,2],[3]]}']],
    ['bad-cell', 'the data row 1 column a has "x" in its list', ['{"a":[1,"x"]}']],
    ['bad-cell', 'the data row 1 column a', [`{"a":${'['.repeat(5000)}1${']'.repeat(5000)}}`]],
    ['missing-value', 'the data row 2 column a holds "null", expected a number', ['{"a":1}', '{"a":null}']],
    ['empty-table', 'the data has no rows', ['', '']],
  ])('%s: %s', async (code, firstLine, lines) => {
    const error = await readJsonLines(bytes(...lines)).catch(error => error)
    expect(error).toBeInstanceOf(DataError)
    expect(error).toMatchObject({ code, message: expect.stringContaining(firstLine) })
  })
})
