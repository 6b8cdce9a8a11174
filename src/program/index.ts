export { recent } from '../formula/index.ts'
export { adjoints, type Sloped, start } from './adjoints.ts'
export type {
  Backend,
  Compiled,
  Engine,
  EngineOptions,
  Frozen,
  Limits,
  Numbers,
  Rows,
  Scalars,
  ScalarsOfSteps,
  Series,
  Timing,
} from './backend.ts'
export { explain, kernelTable } from './explain.ts'
export * from './instruction.ts'
export { alias, replace } from './passes/alias.ts'
export { drop } from './passes/drop.ts'
export { fuse } from './passes/fuse.ts'
export { inline } from './passes/inline.ts'
export { lift } from './passes/lift.ts'
export { phases } from './passes/phases.ts'
export { edges, type Place, type Placement, place } from './passes/place.ts'
export { reuse } from './passes/reuse.ts'
export { share } from './passes/share.ts'
export { stage } from './passes/stage.ts'
export { tile } from './passes/tile.ts'
export { levels, unstack } from './passes/unstack.ts'
export { record } from './record.ts'
export { type Operands, rowsOf, type Targets, type Verbs, verbs } from './verbs.ts'
