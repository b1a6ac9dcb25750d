// Adaptation: a pretrained backbone, a task, and what comes out.

export { type AdaptEvent, type AdaptOptions, type AdaptReport, adapt, type LabelledText, type PartialLoad } from './adapt.js'
export { type Backbone, load } from './backbone.js'
export { type Classifier, loadClassifier, type Prediction } from './classifier.js'
export { type AdaptSettings, type Scheme, tutorialSettings } from './settings.js'
