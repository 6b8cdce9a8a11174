export { derivative, measuredDerivative } from './derivative.ts'
export { type Compiled, compile, evaluate } from './evaluate.ts'
export { exactExp, exactLog, lost } from './exact.ts'
export { check, type Formula, formula, formulaOf } from './formula.ts'
export { latex } from './latex.ts'
export {
  type ApplyNode,
  apply,
  count,
  fold,
  type NameNode,
  type Node,
  type NumberNode,
  name,
  names,
  number,
  substitute,
} from './node.ts'
export { once } from './once.ts'
export type { Operation } from './operations.ts'
export { print } from './print.ts'
export { recent } from './recent.ts'
export { lower, type SimdTarget } from './simd.ts'
