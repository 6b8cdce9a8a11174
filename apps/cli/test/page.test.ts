import { expect, test } from 'vitest'
import { reportPage } from '../src/page.ts'
import { submission } from '../src/predict.ts'
import { compare } from '../src/reading.ts'

const answers = (reads: number[]) =>
  Float32Array.from(reads.flatMap(read => Array.from({ length: 10 }, (_, digit) => (digit === read ? 0.91 : 0.01))))
const reading = compare(answers([0, 1, 2, 9, 4]), 5, row => row)

test('a reading counts what is right and what is misread', () => {
  expect(reading).toMatchObject({ size: 5, right: 4, accuracy: 0.8 })
  expect(reading.misread).toEqual([{ row: 3, truth: 3, read: 9, confidence: expect.closeTo(0.91, 5) }])
  expect(reading.confusion[3][9]).toBe(1)
  expect(reading.loss).toBeCloseTo(-(4 * Math.log(0.91) + Math.log(0.01)) / 5, 5)
})

test('the surest mistake comes first', () => {
  const probabilities = answers([5, 6])
  probabilities[6 + 10] = 0.95
  expect(compare(probabilities, 2, () => 0).misread.map(({ read }) => read)).toEqual([6, 5])
})

test("a submission is in Kaggle's form, numbered from 1", () => {
  expect(submission(answers([7, 0, 3]))).toBe('ImageId,Label\n1,7\n2,0\n3,3\n')
})

test('the report stands alone, shows the figures and escapes what it is given', () => {
  const page = reportPage(
    'runs/<b>&"x"',
    {
      model: { summary: () => 'Model: "digits" <script>', parameterCount: 345_338 },
      data: { measure: 'held-out', train: { size: 35_028 } as never },
      reading,
      options: {
        network: 'digits',
        epochs: 4,
        batch: 64,
        seed: 7,
        augment: true,
        finalRate: 0.03,
        data: '"><script>alert(1)</script>.csv',
        split: 'texts',
      },
      past: {
        epochs: 2,
        history: { epoch: [0, 1], history: { accuracy: [0.9, 0.95], loss: [0.3, 0.2] } },
        seconds: 125,
        images: 70_056,
        milliseconds: 100_000,
        best: { epoch: 1, accuracy: 0.8, loss: 0.1 },
      },
      aborted: true,
    },
    { accuracy: '<svg>A</svg>', loss: '<svg>L</svg>', confusion: '<svg>C</svg>', misread: '<svg>M</svg>' },
  )
  for (const part of ['80.00 %', '345,338', '2:05', '701', '35,028', 'held-out accuracy: 1 of 5', 'from epoch 1'])
    expect(page).toContain(part)
  for (const svg of ['A', 'L', 'C', 'M']) expect(page).toContain(`<svg>${svg}</svg>`)
  expect(page).toContain('Stopped after 2 of 4 epochs')
  expect(page).toContain('prefers-color-scheme: dark')
  expect(page).toContain('<td>9 (1×)</td>')
  expect(page).not.toMatch(/<script|<b>|https?:|src=|@import/)
})
