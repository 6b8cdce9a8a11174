export { type AugmentOptions, augment } from './augment.ts'
export {
  type Dataset,
  type DatasetSource,
  dataset,
  findNotFinite,
  type Nested,
  type NumberArray,
  type Shaped,
} from './dataset.ts'
export { type ByteSource, readBytes } from './files.ts'
export { type IdxArray, readIdx } from './idx.ts'
export { gunzip, isGzip } from './inflate.ts'
export { batches, order } from './order.ts'
export { blobs, circles, moons, planarFlower, sine, spiral, xor } from './toys.ts'
