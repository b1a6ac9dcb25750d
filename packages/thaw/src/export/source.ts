// What is exported: a classifier in a checkpoint, with its parameters in memory.

import { type Backbone, load } from '../adapt/backbone.js'
import { type ClassifierDetails, classifierDetails } from '../adapt/classifier.js'
import { clfToken } from '../tasks/inputs.js'

export interface ExportSource extends Backbone {
  readonly classifier: ClassifierDetails | undefined
  /** Id of the [CLF] token, where the head reads it. */
  readonly clf: number | undefined
}

/** Loads a checkpoint to be exported. @throws as {@link sourceOf}. */
export const exportSource = async (folder: string): Promise<ExportSource> => sourceOf(folder, await load(folder))

/** What is exported of a checkpoint in memory. @throws where a classifier's pooling needs a token that the tokenizer has not. */
export function sourceOf(folder: string, backbone: Backbone): ExportSource {
  if (!isClassifier(backbone)) return { ...backbone, classifier: undefined, clf: undefined }
  const details = classifierDetails(backbone)
  const clf = details.pooling === 'clf' ? backbone.tokenizer.tokenToId(clfToken) : undefined
  if (details.pooling === 'clf' && clf === undefined)
    throw new Error(`${folder}: the head reads the token ${clfToken}, which tokenizer.json has not; save the checkpoint again`)
  return { ...backbone, classifier: details, clf }
}

/** Whether a checkpoint holds a model with labels, one a text or several. */
export const isClassifier = ({ details: { thaw } }: Backbone): boolean => thaw?.task === 'classification' || thaw?.task === 'multi-label'

/** The classifier that goes into one graph for other programs. @throws where there is none, or they could not feed it. */
export function deployable(folder: string, { classifier, details }: ExportSource): ClassifierDetails {
  const task = details.thaw?.task
  if (!classifier)
    throw new Error(
      task === undefined
        ? `${folder}: only classifiers are exported to ONNX, and this checkpoint is none (its config.json names no labels and pooling); adapt it first: thaw adapt ${folder} --train …`
        : `${folder}: only classifiers are exported to ONNX, and this is a model of ${String(task)}; run it with Thaw, or export its weights: --to safetensors`,
    )
  const reason = notDeployable(classifier)
  if (reason) throw new Error(`${folder}: ${reason}, which an exported file is not made for; run it with Thaw`)
  return classifier
}

/** Why a classifier cannot be fed by other programs, where it cannot. */
export function notDeployable({ form, segments, pooling }: ClassifierDetails): string | undefined {
  if (form === 'two-tower') return 'the classifier compares two towers'
  return segments && pooling === 'clf' ? 'the classifier reads pairs with token types and a [CLF] token' : undefined
}
