import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DataError, fromBytes, loadModel, type Model } from 'nabla'
import { type FileKind, fileKind, fileKinds } from 'nabla/inspect'
import { exists } from './files.ts'

/** Open a model of any format: a folder or a file of ours, of Keras, TensorFlow.js or ONNX. */
export async function loadAny(path: string, warn: (message: string) => void): Promise<Model> {
  if ((await stat(path)).isDirectory()) {
    const file = join(path, 'model.json')
    if (await exists(file)) return loadAny(file, warn)
    throw new DataError('no-model', `the folder "${path}" holds no model.json`, {
      hint: 'name a run folder, a model folder or a model file',
    })
  }
  const kind = await fileKind(path)
  const load = loaders[kind]
  if (load) return load(path, warn)
  throw new DataError('no-model', `"${path}" is no model, but of the kind: ${fileKinds[kind]}`, {
    hint: `nabla inspect ${path} shows what is in it`,
  })
}

type Load = (path: string, warn: (message: string) => void) => Promise<Model>

const keras: Load = async (path, warn) => (await import('nabla/keras')).loadKeras(path, { warn })
const bytes: Load = async path => fromBytes(await readFile(path))
const loaders: Partial<Record<FileKind, Load>> = {
  keras,
  hdf5: keras,
  tfjs: async (path, warn) => (await import('nabla/tfjs')).loadTfjs(path, { warn }),
  onnx: async path => (await import('nabla/onnx')).loadOnnx(path),
  nabla: path => (/\.json$/.test(path) ? loadModel(dirname(path)) : bytes(path, () => {})),
  safetensors: bytes,
}
