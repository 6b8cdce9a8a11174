// nabla/onnx by itself: the root entry says what runs the models.
import './index.ts'

export * from './formats/onnx/index.ts'
