export {
  batches,
  type Dataset,
  type DatasetSource,
  dataset,
  findNotFinite,
  type Nested,
  type NumberArray,
  order,
  type Shaped,
} from './dataset.ts'
