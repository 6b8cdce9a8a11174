/** The rooms below the layers: views, verbs, recorded programs, and the engines that run them. */
export { direct, reference } from './backends/reference/index.ts'
export { Code, Module } from './backends/wasm/assembler.ts'
export { wasm } from './backends/wasm/index.ts'
export * from './program/index.ts'
export { type Buffer, type View, viewOf, type WindowOptions } from './tensor/view.ts'
