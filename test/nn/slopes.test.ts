import { losses, numpyRandom } from 'nabla'
import { describe, expect, test } from 'vitest'
import { domainOf } from '../../scripts/docs/losses.ts'
import { definition } from '../../scripts/docs/source.ts'
import { direct } from '../../src/backends/reference/index.ts'
import type { Loss } from '../../src/nn/loss.ts'
import { sizeOf } from '../../src/tensor/shape.ts'
import { type Buffer, viewOf } from '../../src/tensor/view.ts'
import { lossCase } from './cases.ts'

const H = 1e-6

/** The largest distance between the slope of a loss and central differences, where no side of a corner lies within h. */
function off(
  made: Loss,
  shape: readonly number[],
  target: readonly number[],
  values: number[],
  aims: number[],
): number {
  const k = direct()
  const buffer = (name: string, shape: readonly number[]): Buffer => ({ name, shape, kind: 'input' })
  const [p, t, loss, dp] = [buffer('p', shape), buffer('t', target), buffer('loss', [1]), buffer('dp', shape)]
  k.write(t, aims)
  const at = (values: number[]) => {
    k.write(p, values)
    made.forward(k, { p: viewOf(p), t: viewOf(t), loss: viewOf(loss) })
    return k.read(loss)[0]
  }
  const middle = at(values)
  made.backward(k, { p: viewOf(p), t: viewOf(t), dp: viewOf(dp) })
  const slopes = Array.from(k.read(dp))
  const errors = slopes.map((slope, i) => {
    const [low, high] = [-H, H].map(h => at(values.with(i, values[i] + h)))
    const measured = (high - low) / (2 * H)
    const isCorner = Math.abs((high - 2 * middle + low) / H) > 1e-3 * Math.max(1, Math.abs(slope))
    return isCorner ? 0 : Math.abs(measured - slope) / Math.max(1, Math.abs(slope))
  })
  return Math.max(...errors)
}

describe.each(Object.keys(losses))('the slope of %s is what differences measure', name => {
  const { made, logits, p, t } = lossCase(name, 4)
  const { from, targets } = domainOf(definition('nn/losses.ts', name).words.tags.domain?.[0])
  const random = numpyRandom(11)
  const draw = {
    classes: (n: number) => Array.from(random.randint(0, 3, n)),
    shares: (n: number) =>
      Array.from({ length: n / 3 }, () => [1, 0, 0].toSorted(() => random.uniform(-1, 1, 1)[0])).flat(),
    labels: (n: number) => Array.from({ length: n }, (_, i) => (i % t[t.length - 1] === 0 ? 1 : 2)),
    either: (n: number) => Array.from(random.randint(0, 2, n), i => targets[i]),
  }
  const aims =
    made.target === 'class' || name === 'circle'
      ? draw.classes
      : /ctc|multiLabelMargin/.test(name)
        ? draw.labels
        : made.fused?.activation === 'softmax'
          ? draw.shares
          : draw.either

  const ways: [string, (n: number) => Float64Array][] = [
    ['between 0 and 1', n => random.uniform(0.05, 0.95, n)],
    ['around 0', n => random.normal(0, 1.5, n)],
  ]
  // What stands for a share or a count is never below 0; neither is a variance.
  test.each(from >= 0 || name === 'gaussianNll' ? ways.slice(0, 1) : ways)('for predictions %s', (_, draw) => {
    for (let round = 0; round < 3; round++)
      expect(off(made, p, t, Array.from(draw(sizeOf(p))), aims(sizeOf(t)))).toBeLessThan(1e-6)
  })

  if (logits)
    test('for logits', () => {
      for (let round = 0; round < 3; round++)
        expect(off(logits, p, t, Array.from(ways[1][1](sizeOf(p))), aims(sizeOf(t)))).toBeLessThan(1e-6)
    })
})
