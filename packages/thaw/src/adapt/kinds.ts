// What the kinds of tasks differ in, as types: the model that comes out, the report on it, the scores of an epoch.

import type { ClassificationReport } from '../metrics/classification.js'
import type { RegressionReport } from '../metrics/correlation.js'
import type { MultiLabelReport } from '../metrics/multi-label.js'
import type { Task } from '../tasks/task.js'
import type { Classifier } from './classifier.js'
import type { MultiLabelModel } from './multi-label.js'
import type { ChoiceModel, ChoiceReport, Regressor } from './task-models.js'

export type Kind = Task['kind']

export interface Models {
  classification: Classifier
  'multi-label': MultiLabelModel
  regression: Regressor
  'multiple-choice': ChoiceModel
}

export interface Reports {
  classification: ClassificationReport
  'multi-label': MultiLabelReport
  regression: RegressionReport
  'multiple-choice': ChoiceReport
}

export interface Scores {
  classification: { accuracy: number; macroF1: number }
  'multi-label': { microF1: number; macroF1: number }
  regression: { pearson: number; spearman: number }
  'multiple-choice': { accuracy: number }
}
