// What the kinds of tasks differ in, as types: the model that comes out, the report on it, the scores of an epoch.

import type { ClassificationReport } from '../metrics/classification.js'
import type { RegressionReport } from '../metrics/correlation.js'
import type { Task } from '../tasks/task.js'
import type { Classifier } from './classifier.js'
import type { ChoiceModel, ChoiceReport, Regressor } from './task-models.js'

export type Kind = Task['kind']

export interface Models {
  classification: Classifier
  regression: Regressor
  'multiple-choice': ChoiceModel
}

export interface Reports {
  classification: ClassificationReport
  regression: RegressionReport
  'multiple-choice': ChoiceReport
}

export interface Scores {
  classification: { accuracy: number; macroF1: number }
  regression: { pearson: number; spearman: number }
  'multiple-choice': { accuracy: number }
}
