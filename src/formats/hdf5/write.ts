import { DataError } from '../../errors.ts'
import type { Shape } from '../../tensor/shape.ts'

type Hdf5Library = typeof import('h5wasm')

/** What an HDF5 file is written of. */
export interface Hdf5Tree {
  readonly attributes?: Readonly<Record<string, string | readonly string[]>>
  readonly groups?: Readonly<Record<string, Hdf5Tree>>
  readonly arrays?: Readonly<Record<string, Hdf5Array>>
}

export interface Hdf5Array {
  readonly shape: Shape
  readonly data: Float32Array | Float64Array | BigInt64Array
}

/** Loads what writes HDF5, once. */
async function library(): Promise<{ h5: Hdf5Library; files: NonNullable<Hdf5Library['FS']> }> {
  const h5 = await import('h5wasm').catch(() => {
    throw new DataError('missing-peer', 'writing HDF5 needs the package h5wasm, which is not installed', {
      hint: 'npm install h5wasm',
    })
  })
  const { FS } = await h5.ready
  return { h5, files: FS as NonNullable<Hdf5Library['FS']> }
}

let opened = 0

/** The bytes of an HDF5 file. */
export async function writeHdf5(tree: Hdf5Tree): Promise<Uint8Array> {
  const { h5, files } = await library()
  const path = `/write${opened++}.h5`
  const file = new h5.File(path, 'w', { libver: ['earliest', 'latest'] })
  const fill = (group: InstanceType<Hdf5Library['Group']>, { attributes = {}, groups = {}, arrays = {} }: Hdf5Tree) => {
    for (const [key, value] of Object.entries(attributes)) {
      if (typeof value === 'string') group.create_attribute(key, value, [], 'S')
      else if (value.length === 0) group.create_attribute(key, new Float64Array(0), [0], '<d')
      else group.create_attribute(key, [...value], [value.length], 'S')
    }
    for (const [name, { shape, data }] of Object.entries(arrays)) {
      const dtype = data instanceof Float32Array ? '<f' : data instanceof Float64Array ? '<d' : '<q'
      group.create_dataset({ name, data, shape: [...shape], dtype })
    }
    for (const [name, inner] of Object.entries(groups)) fill(group.create_group(name), inner)
  }
  try {
    fill(file, tree)
  } finally {
    file.close()
  }
  const bytes = files.readFile(path).slice()
  files.unlink(path)
  return bytes
}
