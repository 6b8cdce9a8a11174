import { FormulaError, nearest } from '../errors.ts'
import { apply, CONSTANTS, isName, NAME, type Node, name, number } from './node.ts'
import { functions, type Operation } from './operations.ts'

const LENGTH = 10_000
const DEPTH = 200
const NODES = 5_000

/** Binary operators from loose to tight. Comparisons do not chain: `a < b < c` would not mean what it says. */
const LEVELS: readonly (readonly Operation[])[] = [
  ['||'],
  ['&&'],
  ['<', '<=', '>', '>=', '==', '!='],
  ['+', '-'],
  ['*', '/'],
]
const COMPARISON = 2

interface Token {
  readonly kind: 'number' | 'name' | 'symbol' | 'end'
  readonly text: string
  readonly at: number
}

export interface Parsed {
  readonly outputs: Map<string, Node>
  /** Free names and where each first stands. */
  readonly names: Map<string, number>
}

/**
 * Reads
 *
 *     formula    = { "let" name "=" expression ";" | name "=" expression ";" } [ expression [ ";" ] ]
 *     expression = or [ "?" expression ":" expression ]
 *     or         = and { "||" and },  and = test { "&&" test },  test = sum [ ( "<" | "<=" | … ) sum ]
 *     sum        = product { ( "+" | "-" ) product },  product = unary { ( "*" | "/" ) unary }
 *     unary      = ( "-" | "!" ) unary | value [ "^" unary ]
 *     value      = number | name | name "(" expression { "," expression } ")" | "(" expression ")"
 */
export function parse(text: string): Parsed {
  if (text.length > LENGTH)
    throw new FormulaError('too-long', `a formula of ${text.length} characters, at most ${LENGTH} are read`, {
      hint: 'split it into several formulas',
    })
  const tokens = tokenize(text)
  const outputs = new Map<string, Node>()
  const defined = new Map<string, Node>()
  const names = new Map<string, number>()
  let position = 0
  let depth = 0
  let nodes = 0
  let token = tokens[0]

  const fail = (message: string, hint: string, at: Token = token): never => {
    throw failure('syntax', text, at.at, message, hint)
  }
  const advance = () => {
    const passed = token
    token = tokens[++position]
    return passed
  }
  const sees = (symbol: string) => token.kind === 'symbol' && token.text === symbol
  const accept = (symbol: string) => sees(symbol) && advance()
  const expect = (symbol: string, why: string) =>
    accept(symbol) || fail(`expected "${symbol}" but found ${show(token)}`, why)

  const counted = (node: Node) => {
    if (++nodes > NODES)
      throw failure(
        'too-large',
        text,
        token.at,
        `more than ${NODES} numbers, names and operations`,
        'share parts with let',
      )
    return node
  }
  const nested = (rule: () => Node) => {
    if (++depth > DEPTH)
      throw failure('too-deep', text, token.at, `nested more than ${DEPTH} deep`, 'name inner parts with let')
    const node = rule()
    depth--
    return node
  }

  function statement() {
    const bound = token.kind === 'name' && token.text === 'let' && advance()
    if (bound || (token.kind === 'name' && tokens[position + 1].text === '=')) {
      const target = advance()
      if (target.kind !== 'name')
        fail(`expected a name after let but found ${show(target)}`, 'write let s = …;', target)
      if (!isName(target.text)) fail(`${show(target)} cannot be given a value`, 'choose another name', target)
      if (defined.has(target.text)) fail(`${show(target)} is given a value twice`, 'choose another name', target)
      expect('=', 'write let s = …;')
      const node = expression()
      defined.set(target.text, node)
      if (!bound) outputs.set(target.text, node)
    } else {
      const start = token
      const node = expression()
      if (defined.has('y')) fail('both "y" and an unnamed value, which is called y', 'name this value', start)
      if (sees(';') && tokens[position + 1].kind !== 'end')
        fail('an unnamed value must come last', 'name it: write a = … or let a = …', start)
      outputs.set('y', node)
    }
    if (token.kind !== 'end') expect(';', suggestion())
  }

  // What people write from other languages, and what the language says instead.
  function suggestion(): string {
    if (sees('=')) return 'write == to compare; a formula sets names only as name = …;'
    if (token.kind === 'name' || token.kind === 'number' || sees('(')) return 'write * to multiply, ; between formulas'
    return 'join values with an operator, end a part with ;'
  }

  function expression(): Node {
    const condition = binary(0)
    if (!accept('?')) return condition
    const yes = nested(expression)
    expect(':', 'a choice is condition ? this : that')
    return counted(apply('select', condition, yes, nested(expression)))
  }

  function binary(level: number): Node {
    if (level === LEVELS.length) return unary()
    let left = binary(level + 1)
    for (
      let chained = false;
      token.kind === 'symbol' && LEVELS[level].includes(token.text as Operation);
      chained = true
    ) {
      if (chained && level === COMPARISON) fail('comparisons do not chain', 'write a < b && b < c')
      const op = advance().text as Operation
      left = counted(apply(op, left, binary(level + 1)))
    }
    return left
  }

  function unary(): Node {
    if (accept('-')) return counted(apply('neg', nested(unary)))
    if (accept('!')) return counted(apply('!', nested(unary)))
    const base = value()
    return accept('^') ? counted(apply('^', base, nested(unary))) : base
  }

  function value(): Node {
    if (token.kind === 'number') return counted(number(Number(advance().text)))
    if (token.kind === 'name')
      return token.text === 'let' ? fail('let must start a part', 'write ; before let') : named()
    if (!accept('(')) fail(`expected a value but found ${show(token)}`, valueHint())
    const node = nested(expression)
    expect(')', 'close the bracket')
    return node
  }

  function valueHint(): string {
    if (sees('*') && tokens[position - 1]?.text === '*') return 'write ^ for powers'
    if (sees('+')) return 'a plus sign stands between two values'
    return 'a value is a number, a name, f(x) or (…)'
  }

  function named(): Node {
    const word = advance()
    if (sees('(')) return call(word)
    const constant = CONSTANTS.get(word.text)
    if (constant !== undefined) return counted(number(constant))
    if (functions.has(word.text)) fail(`${word.text} is a function`, `write ${word.text}(x)`, word)
    const known = defined.get(word.text)
    if (known) return known
    if (!names.has(word.text)) names.set(word.text, word.at)
    return counted(name(word.text))
  }

  function call(word: Token): Node {
    const arity = functions.get(word.text)
    if (!arity) {
      const guess = nearest(word.text, [...functions.keys()], 1)
      const hint = guess.length > 0 ? `did you mean "${guess[0]}"?` : `there are ${[...functions.keys()].join(' ')}`
      throw failure('unknown-function', text, word.at, `unknown function ${show(word)}`, hint)
    }
    advance()
    const args: Node[] = []
    if (!sees(')'))
      do args.push(nested(expression))
      while (accept(','))
    expect(')', 'close the bracket, put commas between arguments')
    const [least, most] = arity
    if (args.length < least || args.length > most) {
      const wants = most === Infinity ? `${least} or more` : `${least}`
      fail(
        `${word.text} takes ${wants} argument${wants === '1' ? '' : 's'}, got ${args.length}`,
        'count its arguments',
        word,
      )
    }
    nodes += args.length
    return counted(apply(word.text as Operation, ...args))
  }

  while (token.kind !== 'end') statement()
  if (outputs.size === 0) fail('a formula needs a value', 'write an expression of what it should give, such as x + 1')
  return { outputs, names }
}

const BLANK = /(?:\s+|\/\/[^\n]*)+/y
const NUMBER = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y
const SYMBOL = /[<>=!]=|&&|\|\||[-+*/^<>!?:(),;=]/y

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0]
  }
  while (true) {
    at += match(BLANK)?.length ?? 0
    if (at >= text.length) return [...tokens, { kind: 'end', text: '', at: text.trimEnd().length }]
    let kind: Token['kind'] = 'number'
    let found = match(NUMBER)
    if (found === undefined) {
      found = match(NAME)
      kind = 'name'
    }
    if (found === undefined) {
      found = match(SYMBOL)
      kind = 'symbol'
    }
    if (found === undefined) {
      const stray = String.fromCodePoint(text.codePointAt(at)!)
      const twice =
        stray === '&' || stray === '|' ? `write ${stray}${stray}` : 'operators are + - * / ^ < <= > >= == != && || ! ?:'
      throw failure('syntax', text, at, `unexpected ${JSON.stringify(stray)}`, twice)
    }
    tokens.push({ kind, text: found, at })
    at += found.length
  }
}

const show = (token: Token) => (token.kind === 'end' ? 'the end' : JSON.stringify(brief(token.text)))
const brief = (text: string) => (text.length > 24 ? `${text.slice(0, 23)}…` : text)

/** A FormulaError whose message shows the line and points at the place. */
export function failure(code: string, text: string, at: number, message: string, hint: string): FormulaError {
  const start = text.lastIndexOf('\n', at - 1) + 1
  const end = text.indexOf('\n', at)
  const from = Math.max(start, at - 60)
  const line = text.slice(from, Math.min(end < 0 ? text.length : end, from + 96)).replace(/\s/g, ' ')
  return new FormulaError(code, `${message}\n  ${line}\n  ${' '.repeat(at - from)}^`, { hint })
}
