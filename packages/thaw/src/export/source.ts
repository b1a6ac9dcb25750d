// What is exported: a model of a task in a checkpoint, with its parameters in memory.

import { type Backbone, load } from '../adapt/backbone.js'
import { type ClassifierDetails, classifierDetails } from '../adapt/classifier.js'
import { type TaskDetails, taskDetails } from '../adapt/task-models.js'
import { classification } from '../tasks/classification.js'
import { clfToken } from '../tasks/inputs.js'
import { multiLabel } from '../tasks/multi-label.js'
import { multipleChoice } from '../tasks/multiple-choice.js'
import { regression } from '../tasks/regression.js'
import type { Task } from '../tasks/task.js'

/** What config.json keeps of a model, whichever its task. */
export type ModelDetails = ClassifierDetails | TaskDetails

export interface ExportSource extends Backbone {
  /** Undefined for a backbone without a task. */
  readonly model: ModelDetails | undefined
  /** The same, where the model has labels. */
  readonly classifier: ClassifierDetails | undefined
  /** Id of the [CLF] token, where the head reads it. */
  readonly clf: number | undefined
}

/** What goes into files for other programs. */
export type DeployedSource = ExportSource & { readonly model: ModelDetails }

/** Loads a checkpoint to be exported. @throws as {@link sourceOf}. */
export const exportSource = async (folder: string): Promise<ExportSource> => sourceOf(folder, await load(folder))

/** What is exported of a checkpoint in memory. @throws where a model's pooling needs a token that the tokenizer has not. */
export function sourceOf(folder: string, backbone: Backbone): ExportSource {
  const classifier = isClassifier(backbone) ? classifierDetails(backbone) : undefined
  const model = classifier ?? taskDetails(backbone)
  const clf = model?.pooling === 'clf' ? backbone.tokenizer.tokenToId(clfToken) : undefined
  if (model?.pooling === 'clf' && clf === undefined)
    throw new Error(`${folder}: the head reads the token ${clfToken}, which tokenizer.json has not; save the checkpoint again`)
  return { ...backbone, model, classifier, clf }
}

/** Whether a checkpoint holds a model with labels, one a text or several. */
const isClassifier = ({ details: { thaw } }: Backbone): boolean => thaw?.task === 'classification' || thaw?.task === 'multi-label'

/** The task that a saved model was made for. */
export function taskOf(details: ModelDetails): Task {
  const form = details.form ? { form: details.form } : {}
  if ('labels' in details) return (details.task === 'multi-label' ? multiLabel : classification)({ labels: details.labels, ...form })
  return details.task === 'regression' ? regression({ range: details.range ?? [0, 1], ...form }) : multipleChoice({ choices: details.choices ?? 0 })
}

/** The model that goes into files for other programs. @throws where the checkpoint has none. */
export function deployable(folder: string, source: ExportSource): DeployedSource {
  const { model, details } = source
  if (model) return { ...source, model }
  const task = details.thaw?.task
  throw new Error(
    task === undefined
      ? `${folder}: only models of a task are exported to ONNX, and this checkpoint is a backbone without one (its config.json names none); adapt it first: thaw adapt ${folder} --train …`
      : `${folder}: this is a model of ${JSON.stringify(task)}; exported to ONNX are classification, multi-label, regression and multiple-choice; export its weights: --to safetensors`,
  )
}
