// Adaptation: a pretrained backbone, a task, and what comes out.

export { type AdaptEvent, type AdaptOptions, type AdaptReport, adapt, type LabelledText } from './adapt.js'
export * from './adapter/index.js'
export { type Backbone, load, saveBackbone } from './backbone.js'
export type { ClassWeights } from './class-weights.js'
export { type Classifier, classifierFrom, loadClassifier, type Prediction } from './classifier.js'
export { type FeatureExtractor, type FeatureOptions, type FeaturePooling, featureExtractor } from './features.js'
export { type FindRateOptions, findRate } from './find-rate.js'
export { type FisherOptions, fisherInformation } from './fisher.js'
export { loadOnnx } from './load-onnx.js'
export { loadMultiLabel, type MultiLabelModel, multiLabelFrom } from './multi-label.js'
export { type OnnxClassifier, type OnnxClassifierOptions, onnxClassifier } from './onnx-classifier.js'
export type { PartialLoad } from './parameters.js'
export * from './recipe/index.js'
export { type AdaptSettings, adaptationSettings, type Keep, keeps, type Scheme, schemes, tutorialSettings } from './settings.js'
export * from './structure/index.js'
export {
  type Choice,
  type ChoiceModel,
  type ChoiceReport,
  loadChoiceModel,
  loadRegressor,
  loadTaskModel,
  type Regressor,
  type TaskModel,
  taskModelFrom,
} from './task-models.js'
