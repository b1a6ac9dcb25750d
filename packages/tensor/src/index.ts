// The engine's public names, in the order one learns them: tensors and operations, gradients, programs, executors.

export { createExecutor, type ExecutorOptions, type RuntimeName } from '#executor'
export { readOnnxFile } from '#onnx-file'
export { type Bound, type CompileOptions, type Executable, type Executor, type Feed, type RunOptions, Store } from './executor/executor.js'
export { type FoldedParameters, foldParameters } from './executor/fold-parameters.js'
export { compileProgram, type KernelStep, type Program, type Update } from './executor/program.js'
export { type Cut, cut, dependenciesOf } from './graph/cut.js'
export { type Dim, dim, type Shape, shapeText } from './graph/dim.js'
export type { DType, TypedArray } from './graph/dtype.js'
export { Gradient, grad, hessianVectorProduct } from './graph/grad.js'
export * as ops from './graph/ops/index.js'
export { substitute } from './graph/substitute.js'
export { constant, describe, GraphError, input, parameter, state, Tensor } from './graph/tensor.js'
export { decodeBF16, decodeF16, encodeBF16, encodeF16 } from './onnx/halves.js'
export { type LowerOptions, lower } from './onnx/lower.js'
export type { Precision } from './onnx/precision.js'
export { OnnxError } from './onnx/read/messages.js'
export type { ImportedParameter, ParameterSource } from './onnx/read/parameters.js'
export { type ImportedModel, type ImportReport, type ReadOptions, readOnnx } from './onnx/read/read-onnx.js'
export { replaceInitializers } from './onnx/replace.js'
export { type WriteOptions, writeOnnx } from './onnx/write.js'
export { type AdafactorOptions, adafactor, adagrad, rmsprop, scaleByAdagrad, scaleByRms } from './optim/adaptive.js'
export { averageWeights, averagingStarts } from './optim/averages.js'
export { type MuonOptions, muon } from './optim/muon.js'
export { constant as constantSchedule, cosine, inverseSquareRoot, linear, type Schedule, slantedTriangular } from './optim/schedules.js'
export { type TrainingStep, type TrainingStepOptions, trainingStep } from './optim/step.js'
export { type SelectedRows, selectRows } from './optim/trainable.js'
export {
  adam,
  adamw,
  addDecayedWeights,
  chain,
  clipByGlobalNorm,
  type Optimizer,
  scaleByAdam,
  scaleByRate,
  sgd,
  type Transform,
  trace,
} from './optim/transforms.js'
