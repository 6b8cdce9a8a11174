import { fold, type Node } from './node.ts'
import { BINARY, BINDING, split } from './print.ts'

interface Piece {
  readonly text: string
  readonly binding: number
  /** The lines of a choice, so that a choice in its "otherwise" adds lines to the same brace. */
  readonly cases?: readonly string[]
}

/** The LaTeX of a node: fractions, roots, powers, braces for choices. Large expressions name their shared parts. */
export function latex(node: Node): string {
  const { parts, bodies } = split(new Map([['y', node]]))
  const body = write(bodies.get('y')!)
  if (parts.length === 0) return body
  const lines = parts.map(([part, node]) => `${symbol(part)} &= ${write(node)} \\\\`)
  return `\\begin{aligned} ${lines.join(' ')} y &= ${body} \\end{aligned}`
}

const SIGNS: Readonly<Record<string, string>> = {
  '||': ' \\lor ',
  '&&': ' \\land ',
  '<': ' < ',
  '<=': ' \\le ',
  '>': ' > ',
  '>=': ' \\ge ',
  '==': ' = ',
  '!=': ' \\ne ',
  '+': ' + ',
  '-': ' - ',
}

/** Functions that stand around their argument; the others are written as a name before it. */
const AROUND: Readonly<Record<string, readonly [string, string]>> = {
  sqrt: ['\\sqrt{', '}'],
  abs: ['\\left|', '\\right|'],
  floor: ['\\left\\lfloor ', '\\right\\rfloor'],
  ceil: ['\\left\\lceil ', '\\right\\rceil'],
}

const NAMED: Readonly<Record<string, string>> = {
  log: '\\ln',
  sigmoid: '\\sigma',
  sin: '\\sin',
  cos: '\\cos',
  tan: '\\tan',
  atan: '\\arctan',
  sinh: '\\sinh',
  cosh: '\\cosh',
  tanh: '\\tanh',
  min: '\\min',
  max: '\\max',
}

const brackets = (text: string) => `\\left(${text}\\right)`
const wrap = ({ text, binding }: Piece, least: number) => (binding >= least ? text : brackets(text))
const atom = (text: string): Piece => ({ text, binding: BINDING.atom })

function write(root: Node): string {
  return fold<Piece>([root], (node, args) => {
    if (node.op === 'number') return numeral(node.value)
    if (node.op === 'name') return atom(symbol(node.name))
    const [a, b, c] = args
    switch (node.op) {
      case 'neg':
        return { text: `-${wrap(a, BINDING.product)}`, binding: BINDING.sum }
      case '!':
        return { text: `\\lnot ${wrap(a, BINDING.unary)}`, binding: BINDING.unary }
      case '*': {
        const [left, right] = [wrap(a, BINDING.product), wrap(b, BINDING.unary)]
        return { text: left + (/^[-\d]/.test(right) ? ' \\cdot ' : ' \\, ') + right, binding: BINDING.product }
      }
      case '/':
        return { text: `\\frac{${a.text}}{${b.text}}`, binding: BINDING.power }
      case '^':
        return { text: `${wrap(a, BINDING.atom)}^{${b.text}}`, binding: BINDING.power }
      case 'exp':
        return { text: `e^{${a.text}}`, binding: BINDING.power }
      case 'expm1':
        return { text: `e^{${a.text}} - 1`, binding: BINDING.sum }
      case 'log1p':
        return atom(`\\ln${brackets(`1 + ${wrap(a, BINDING.product)}`)}`)
      case 'select': {
        const cases = [`${b.text} & \\text{if } ${a.text}`, ...(c.cases ?? [`${c.text} & \\text{otherwise}`])]
        return { ...atom(`\\begin{cases} ${cases.join(' \\\\ ')} \\end{cases}`), cases }
      }
    }
    const binding = BINARY[node.op]
    if (binding) return { text: wrap(a, binding) + SIGNS[node.op] + wrap(b, binding + 1), binding }
    const around = AROUND[node.op]
    if (around) return atom(around[0] + a.text + around[1])
    const list = args.map(arg => arg.text).join(', ')
    return atom((NAMED[node.op] ?? `\\operatorname{${node.op}}`) + brackets(list))
  })[0].text
}

function numeral(value: number): Piece {
  if (Number.isNaN(value)) return atom('\\mathrm{NaN}')
  const [digits, power] = String(Math.abs(value)).split('e')
  const size = Math.abs(value) === Infinity ? '\\infty' : Math.abs(value) === Math.PI ? '\\pi' : digits
  const scale = power === undefined ? '' : `10^{${Number(power)}}`
  const text = scale === '' ? size : size === '1' ? scale : `${size} \\cdot ${scale}`
  const binding = scale === '' ? BINDING.atom : BINDING.unary
  return value < 0 || Object.is(value, -0) ? { text: `-${text}`, binding: BINDING.sum } : { text, binding }
}

const GREEK: Readonly<Record<string, string>> = {
  α: 'alpha',
  β: 'beta',
  γ: 'gamma',
  δ: 'delta',
  ε: 'varepsilon',
  ζ: 'zeta',
  η: 'eta',
  θ: 'theta',
  κ: 'kappa',
  λ: 'lambda',
  μ: 'mu',
  ν: 'nu',
  ξ: 'xi',
  ρ: 'rho',
  σ: 'sigma',
  τ: 'tau',
  φ: 'varphi',
  χ: 'chi',
  ψ: 'psi',
  ω: 'omega',
  Γ: 'Gamma',
  Δ: 'Delta',
  Θ: 'Theta',
  Λ: 'Lambda',
  Ξ: 'Xi',
  Π: 'Pi',
  Σ: 'Sigma',
  Φ: 'Phi',
  Ψ: 'Psi',
  Ω: 'Omega',
  epsilon: 'varepsilon',
  phi: 'varphi',
}
const SPELLED: ReadonlySet<string> = new Set([...Object.values(GREEK), 'epsilon', 'phi'])

/** beta1 and beta_1 are β₁; one letter stands in italics, a word in one piece. */
function symbol(name: string): string {
  const [, stem, index] = /^(.+?)_?(\d*)$/.exec(name)!
  const greek = Object.hasOwn(GREEK, stem) ? GREEK[stem] : SPELLED.has(stem) ? stem : undefined
  const word = stem.replaceAll('_', '\\_')
  const text = greek ? `\\${greek}` : stem.length === 1 && word === stem ? stem : `\\mathit{${word}}`
  return index ? `${text}_{${index}}` : text
}
