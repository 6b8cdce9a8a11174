import type { ConstraintMaker } from '../../src/nn/constraint.ts'
import * as constraints from '../../src/nn/constraints.ts'
import type { Regularizer, RegularizerMaker } from '../../src/nn/regularizer.ts'
import * as regularizers from '../../src/nn/regularizers.ts'
import { chart, type Series } from '../../src/plot/index.ts'
import { grid, paper } from './numbers.ts'
import { aligned, blocks, code, type Kind, lesson, settings, sources, spelt, written } from './page.ts'

const regularizerMakers: Readonly<Record<string, RegularizerMaker>> = regularizers

export const regularizerKind: Kind = {
  kind: 'regularizers',
  title: 'Regularizers',
  about:
    'A price for weights that joins the loss, so that a network keeps only what it needs. Each is an entry of `regularizers` and a name for the options `kernelRegularizer` and `biasRegularizer` of a layer.',
  known: regularizers,
  file: 'nn/regularizers.ts',
  page(name, words, definition) {
    const made = regularizerMakers[name]()
    const saved = made.toJSON() as { penalty?: string; backward?: string }
    // One that is off unless told is drawn at work.
    const drawn = regularizerMakers[name](working(made.params))
    return {
      picture: curve(drawn),
      markdown: blocks(
        `# ${name}`,
        words.text,
        ...(saved.penalty
          ? [
              aligned(spelt(saved.penalty, { left: '\\ell' })),
              ...(saved.backward
                ? [aligned(spelt(saved.backward, { left: '\\frac{\\partial \\ell}{\\partial w}' }))]
                : []),
              'The penalty is the sum of ℓ over all weights.',
            ]
          : written(words)),
        `![${name} and its slope](${name}.svg)`,
        settings(made.params),
        code(words.tags.example?.[0] ?? `dense(16, { kernelRegularizer: regularizers.${name}() })`),
        ...sources(words),
        '## The definition',
        lesson(definition),
      ),
    }
  },
}

const working = (params: object) =>
  Object.fromEntries(Object.entries(params).map(([key, value]) => [key, value === 0 ? 0.01 : value]))

/** The penalty and its slope over one weight: alone, or the first of a row beside (1, 1). */
function curve(made: Regularizer): string {
  const x = grid(-2, 2)
  const series = (row: (w: number) => number[], shape: number[]): Series[] => {
    const found = x.map(value => {
      const { k, array, read } = paper()
      const w = array('w', shape, row(value))
      const [g, penalty, dw] = [array('g', shape), array('penalty', [1]), array('dw', shape)]
      made.forward(k, { w, penalty })
      made.backward(k, { w, g, dw })
      return [read(penalty)[0], read(dw)[0]]
    })
    return ['penalty', 'slope'].map((name, i) => ({ name, x, y: found.map(pair => pair[i]) }))
  }
  const alone = series(w => [w], [1, 1])
  const isAlone = alone.some(({ y }) => Array.from(y).some(v => v !== 0))
  const pictured = isAlone ? alone : series(w => [w, 1, 1, 1], [2, 2])
  return chart(pictured, {
    title: isAlone ? `${made.name} of one weight` : `${made.name} of the matrix (w, 1), (1, 1)`,
    xLabel: 'w',
  })
}

const constraintMakers: Readonly<Record<string, ConstraintMaker>> = constraints

export const constraintKind: Kind = {
  kind: 'constraints',
  title: 'Constraints',
  about:
    'Where weights may be: after each step they are put back there. Each is an entry of `constraints` and a name for the options `kernelConstraint` and `biasConstraint` of a layer.',
  known: constraints,
  file: 'nn/constraints.ts',
  page(name, words, definition) {
    const made = constraintMakers[name]()
    const x = grid(-4, 4, 161)
    const { k, array, read } = paper()
    // Each column is a unit, which has one weight: its norm is |w|.
    const w = array('w', [1, x.length], x)
    made.apply(k, w)
    const text = /'([^'\n]*\b(?:w|r)\b[^'\n]*)',?\s*\)$/.exec(definition.code)?.[1]
    return {
      picture: chart(
        [
          { name: 'before', x, y: x, color: '#c3c8d0' },
          { name: 'after', x, y: read(w) },
        ],
        { title: `${name}: where a unit's only weight is put`, xLabel: 'w before' },
      ),
      markdown: blocks(
        `# ${name}`,
        words.text,
        text && aligned(spelt(text, { left: 'w', sign: '\\leftarrow' })),
        text && /\br\b/.test(text) && 'r is the norm of the weights that belong together, those along `axis`.',
        `![${name}](${name}.svg)`,
        settings(made.params),
        code(words.tags.example?.[0] ?? `dense(16, { kernelConstraint: constraints.${name}() })`),
        ...sources(words),
        '## The definition',
        lesson(definition),
      ),
    }
  },
}
