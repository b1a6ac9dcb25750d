// The graph of an adaptation: the backbone with the task's head, with what a recipe puts into it, and with the row of an added token as a parameter of its
// own where the table it stands in does not train as a whole.

import { ops, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../models/config.js'
import { Scope, type ScopeOptions } from '../nn/scope.js'
import { type ClassifierInputs, classifierInputs } from '../tasks/classification.js'
import { rowsPerExample } from '../tasks/form.js'
import { mixedLogits } from '../tasks/scalar-mix.js'
import { hasLabels, rowsOf, type Task, taskLoss, taskOutputs } from '../tasks/task.js'
import { languagePart, signalsOf } from './language.js'
import { tableWithRow, tokenTable } from './parameters.js'
import { type InsertionIngredient, insertionsInto } from './recipe/insertions.js'
import type { Recipe } from './recipe/recipe.js'
import type { AdaptSettings } from './settings.js'

export interface Network {
  scope: Scope
  /** The inputs of the task's network. */
  inputs: ClassifierInputs
  loss: Tensor
  /** The parts of the loss by name, where it has several. */
  losses: Readonly<Record<string, Tensor>>
  /** What is read of the network as it was before: tensors in the namespace `anchor`, by path. */
  old: ReadonlyMap<string, Tensor>
  /** The row of an added token that is trained on its own. */
  added: { id: number; row: Tensor } | undefined
}

/** Whether the head reads a mix of all layers' means, computed once: of a text, or a pair that is read as one. */
export const readsMix = ({ scheme, pooling }: AdaptSettings, task: Task): boolean =>
  scheme === 'frozen' && pooling === 'mean' && hasLabels(task) && task.form === 'cross-encoder'

const insertionsOf = ({ ingredients }: Recipe) => ingredients.filter((x): x is InsertionIngredient => x.kind === 'insertion')

/** What a recipe puts into a backbone, for training and for what is made of it. */
export const scopeOptionsOf = (recipe: Recipe | undefined, config: TransformerConfig): Pick<ScopeOptions, 'sites' | 'parametrize'> =>
  recipe ? insertionsInto(insertionsOf(recipe), config) : {}

/**
 * Builds the graph of the loss. `clf` is the id of the added token, where there is one; `segments` says whether token types are fed; without `training` there
 * is no dropout; `weights` are those of the labels in the loss.
 */
export function buildNetwork(
  config: TransformerConfig,
  settings: AdaptSettings,
  task: Task,
  clf: number | undefined,
  { segments = false, training = true, weights }: { segments?: boolean; training?: boolean; weights?: readonly number[] } = {},
): Network {
  const frozen = settings.scheme === 'frozen'
  const { sites, parametrize: updates } = scopeOptionsOf(settings.recipe, config)
  const parametrize = new Map(updates)
  let added: Network['added']
  if (clf !== undefined && (frozen || settings.recipe)) {
    if (parametrize.has(tokenTable))
      throw new Error(`recipe: pooling clf trains a row of ${tokenTable}, which therefore cannot be a target of an update; take another pooling`)
    parametrize.set(tokenTable, (weight: Tensor) => {
      const { table, row } = tableWithRow(weight, clf)
      added = { id: clf, row }
      return table
    })
  }
  const scope = new Scope({ training, parametrize, ...(sites ? { sites } : {}) })
  // a frozen backbone has no dropout: its features are what they are
  const model = { ...config, dropout: frozen ? 0 : settings.dropout }
  const inputs = classifierInputs({ ...rowsOf(task), segments })
  const outputs =
    readsMix(settings, task) && hasLabels(task)
      ? mixedLogits(scope, config, task.labels.length, settings.dropout)
      : taskOutputs(scope, model, inputs, task, { pooling: settings.pooling, rate: settings.dropout })
  const loss = taskLoss(outputs, task, weights)
  const signals = signalsOf(settings.recipe)
  if (signals.length === 0) return { scope, inputs, loss, losses: {}, old: new Map(), added }
  if (rowsPerExample(rowsOf(task)) > 1)
    throw new Error(
      `recipe: ${signals[0]!.name} reads one text an example; a task of several texts each (two towers, multiple choice) has none of it`,
    )
  const { losses, weighted, old } = languagePart(scope, model, inputs, signals)
  return { scope, inputs, loss: ops.add(loss, weighted), losses: { taskLoss: loss, ...losses }, old, added }
}
