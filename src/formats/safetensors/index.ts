// Safetensors files of any origin, and PyTorch's state dicts in them.
import { type ByteSource, readBytes } from '../../data/files.ts'
import { readSafetensors as parse, type Tensor } from '../../tensor/safetensors.ts'

export type { ByteSource } from '../../data/files.ts'
export { type Tensor, type TensorData, writeSafetensors } from '../../tensor/safetensors.ts'
export { fromTorch, type TorchModules, torchNames, toTorch } from './torch.ts'

/**
 * The arrays of a safetensors file and the notes beside them; 16-bit floats (F16, BF16) become 32-bit ones.
 * @param source a path, an address, a File or bytes
 * @throws DataError `bad-safetensors`, `unreadable`
 * @example
 * const { tensors, metadata } = await readSafetensors('model.safetensors')
 */
export const readSafetensors = async (
  source: ByteSource,
): Promise<{ tensors: Tensor[]; metadata: Record<string, string> }> => parse(await readBytes(source))
