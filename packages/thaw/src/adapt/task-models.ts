// Models of tasks other than classification: a number for each text or pair, or one of several candidates. Each predicts, evaluates, saves, and is loaded
// again with the same results.

import type { Executor } from '@thaw/tensor'
import { type RegressionReport, regressionReport } from '../metrics/correlation.js'
import { Scope } from '../nn/scope.js'
import { type ClassificationTask, classification, classifierInputs } from '../tasks/classification.js'
import type { Form, TextLike } from '../tasks/form.js'
import { type MultiLabelTask, multiLabel } from '../tasks/multi-label.js'
import { choiceIndex, type MultipleChoiceTask, multipleChoice } from '../tasks/multiple-choice.js'
import type { Pooling } from '../tasks/pooling.js'
import { numberLabel, type RegressionTask, regression } from '../tasks/regression.js'
import { rowsOf, taskOutputs, taskResults } from '../tasks/task.js'
import { type Backbone, load } from './backbone.js'
import { type Classifier, classifierDetails, classifierOn, fillStore } from './classifier.js'
import { canBeFixed, parameterAccess } from './fixed-parameters.js'
import { exampleOutputs, type ModelParts, saveModel } from './model-outputs.js'
import { type MultiLabelModel, multiLabelOn } from './multi-label.js'
import { scopeOptionsOf } from './network.js'
import { type ExecutorChoice, onOwnExecutor } from './own-executor.js'
import type { Recipe } from './recipe/recipe.js'

/** What a saved model's config.json keeps under `thaw`. */
export interface TaskDetails {
  task: 'regression' | 'multiple-choice'
  form?: Form
  range?: readonly [number, number]
  choices?: number
  pooling: Pooling
  maxLength: number
  /** The backbone stayed as it was. */
  frozen?: true
  /** It was trained on pairs of texts. */
  pairs?: true
  /** Token types are fed. */
  segments?: true
  recipe?: Recipe
  /** The checkpoint it was adapted from, and the revision of it, where one was asked for. */
  base?: string
  baseRevision?: string
}

interface Saved {
  /** Writes a checkpoint folder (config, tokenizer, safetensors). */
  save(folder: string): Promise<void>
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Gives a number in the range of its task. Two towers can go a little below it: a cosine may be negative. */
export interface Regressor extends Saved {
  readonly task: RegressionTask
  predict(examples: readonly TextLike[]): Promise<number[]>
  predict(example: TextLike): Promise<number>
  evaluate(examples: readonly (TextLike & { label?: string })[]): Promise<{ report: RegressionReport; values: number[] }>
}

/** The probabilities of an example's candidates, and the place of the most probable. */
export interface Choice {
  best: number
  probabilities: Float32Array
}

export interface ChoiceReport {
  examples: number
  accuracy: number
}

export interface ChoiceModel extends Saved {
  readonly task: MultipleChoiceTask
  predict(examples: readonly TextLike[]): Promise<Choice[]>
  predict(example: TextLike): Promise<Choice>
  evaluate(examples: readonly (TextLike & { label?: string })[]): Promise<{ report: ChoiceReport; choices: Choice[] }>
}

type Parts<T> = ModelParts<TaskDetails> & { task: T }

async function results({ config, tokenizer, details, executor, params, task, owns, fixed = false }: Parts<RegressionTask | MultipleChoiceTask>) {
  const reading = { ...rowsOf(task), pooling: details.pooling, maxLength: details.maxLength, segments: details.segments }
  const { stores, constants, ...access } = parameterAccess(executor, params, fixed)
  const scope = new Scope({ ...scopeOptionsOf(details.recipe, config), ...access })
  const outputs = taskOutputs(scope, config, classifierInputs(reading), task, { pooling: details.pooling, rate: 0 })
  const program = await executor.compile(
    { outputs: { outputs: taskResults(outputs, task) } },
    { inference: true, ...(constants ? { constants } : {}) },
  )
  const dispose = async () => {
    await program.dispose()
    if (owns) await executor[Symbol.asyncDispose]()
  }
  return {
    run: exampleOutputs({ program, stores, tokenizer, reading, output: 'outputs' }),
    saved: {
      save: (folder: string) => saveModel(folder, { config, tokenizer, details, params }),
      dispose,
      [Symbol.asyncDispose]: dispose,
    },
  }
}

const isMany = (given: TextLike | readonly TextLike[]): given is readonly TextLike[] => Array.isArray(given)

/** A regressor over parameters in a store. */
export async function createRegressor(parts: Parts<RegressionTask>): Promise<Regressor> {
  const { run, saved } = await results(parts)
  const { task } = parts
  const values = async (examples: readonly TextLike[]) => (await run(examples)).map((row) => row[0]!)
  return {
    task,
    async predict(given: TextLike | readonly TextLike[]) {
      return (isMany(given) ? await values(given) : (await values([given]))[0]!) as never
    },
    async evaluate(examples) {
      const truth = examples.map(({ label }) => numberLabel(task, label))
      const found = await values(examples)
      return { report: regressionReport(truth, found), values: found }
    },
    ...saved,
  }
}

/** A model of multiple choice over parameters in a store. */
export async function createChoiceModel(parts: Parts<MultipleChoiceTask>): Promise<ChoiceModel> {
  const { run, saved } = await results(parts)
  const choose = async (examples: readonly TextLike[]): Promise<Choice[]> =>
    (await run(examples)).map((probabilities) => ({ probabilities, best: probabilities.indexOf(Math.max(...probabilities)) }))
  return {
    task: parts.task,
    async predict(given: TextLike | readonly TextLike[]) {
      return (isMany(given) ? await choose(given) : (await choose([given]))[0]!) as never
    },
    async evaluate(examples) {
      const truth = examples.map(({ choices = [], label }) => choiceIndex(choices, label))
      const choices = await choose(examples)
      const right = choices.filter(({ best }, i) => best === truth[i]).length
      return { report: { examples: examples.length, accuracy: examples.length === 0 ? 0 : right / examples.length }, choices }
    },
    ...saved,
  }
}

/** What a checkpoint says of the task of the model in it; undefined where it says nothing, or names one with labels. */
export function taskDetails({ details: { thaw } }: Pick<Backbone, 'details'>): TaskDetails | undefined {
  const details = thaw as unknown as TaskDetails | undefined
  return details?.task === 'regression' || details?.task === 'multiple-choice' ? details : undefined
}

async function loaded(backbone: Backbone, executor: Executor, kind: TaskDetails['task']): Promise<ModelParts<TaskDetails>> {
  const details = taskDetails(backbone)
  const { source } = backbone
  if (details?.task !== kind)
    throw new Error(`${source}: no model of ${kind} was saved here; adapt one: thaw adapt CHECKPOINT --task ${kind} --train … --out ${source}`)
  return {
    config: backbone.config,
    tokenizer: backbone.tokenizer,
    details,
    executor,
    params: await fillStore(executor, backbone.parameters),
    owns: true,
    fixed: canBeFixed(backbone.parameters),
  }
}

async function regressorOn(backbone: Backbone, executor: Executor): Promise<Regressor> {
  const parts = await loaded(backbone, executor, 'regression')
  const { range = [0, 1], form } = parts.details
  return createRegressor({ ...parts, task: regression({ range, ...(form ? { form } : {}) }) })
}

async function choiceModelOn(backbone: Backbone, executor: Executor): Promise<ChoiceModel> {
  const parts = await loaded(backbone, executor, 'multiple-choice')
  return createChoiceModel({ ...parts, task: multipleChoice({ choices: parts.details.choices ?? 0 }) })
}

/** Loads a regressor that was saved. */
export const loadRegressor = (folder: string, options: ExecutorChoice = {}): Promise<Regressor> => onOwnExecutor(load(folder), options, regressorOn)

/** Loads a model of multiple choice that was saved. */
export const loadChoiceModel = (folder: string, options: ExecutorChoice = {}): Promise<ChoiceModel> =>
  onOwnExecutor(load(folder), options, choiceModelOn)

/** A model with its task, whichever that is. */
export type TaskModel =
  | { task: ClassificationTask; model: Classifier; pairs: boolean }
  | { task: MultiLabelTask; model: MultiLabelModel; pairs: boolean }
  | { task: RegressionTask; model: Regressor; pairs: boolean }
  | { task: MultipleChoiceTask; model: ChoiceModel; pairs: boolean }

/** Loads whatever `adapt` has made and saved. `pairs` says whether it was trained on pairs of texts. @throws where it is no such model. */
export const loadTaskModel = (folder: string, options: ExecutorChoice = {}): Promise<TaskModel> => taskModelFrom(load(folder), options)

/** A model with its task from a checkpoint in memory. */
export const taskModelFrom = (backbone: Backbone | Promise<Backbone>, options: ExecutorChoice = {}): Promise<TaskModel> =>
  onOwnExecutor(backbone, options, taskModelOn)

async function taskModelOn(backbone: Backbone, executor: Executor): Promise<TaskModel> {
  const details = taskDetails(backbone)
  const pairs = (backbone.details.thaw as { pairs?: boolean } | undefined)?.pairs === true
  if (details?.task === 'regression') {
    const model = await regressorOn(backbone, executor)
    return { task: model.task, model, pairs }
  }
  if (details?.task === 'multiple-choice') {
    const model = await choiceModelOn(backbone, executor)
    return { task: model.task, model, pairs }
  }
  const { task: kind, labels, form } = classifierDetails(backbone)
  const given = { labels, ...(form ? { form } : {}) }
  if (kind === 'multi-label') return { task: multiLabel(given), model: await multiLabelOn(backbone, executor), pairs }
  return { task: classification(given), model: await classifierOn(backbone, executor), pairs }
}
