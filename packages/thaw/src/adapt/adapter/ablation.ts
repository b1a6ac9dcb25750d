// Which layers' modules matter: those of a span of layers are switched off in a trained model, without training it again (Houlsby et al. 2019, section 3.6 and
// figure 6). Everything else that was trained, the head and the norms, stays.

import { table } from '../../log/table.js'
import type { LabelledText } from '../adapt.js'
import type { Backbone, NamedValues } from '../backbone.js'
import type { Classifier } from '../classifier.js'
import type { MultiLabelModel } from '../multi-label.js'
import type { ExecutorChoice } from '../own-executor.js'
import { type ChoiceModel, type Regressor, type TaskModel, taskModelFrom } from '../task-models.js'

/** With this value in its last parameters a module is nothing. */
const nothing: readonly [RegExp, number][] = [
  [/^layers\.(\d+)\..*\.(?:adapter|parallel)\.up\.(?:weight|bias)$/, 0],
  [/^layers\.(\d+)\..*\.lora\.B$/, 0],
  [/^layers\.(\d+)\..*\.ia3\.scale$/, 1],
  // attention to values that are all zero
  [/^layers\.(\d+)\.pal\.value\.(?:weight|bias)$/, 0],
]

export interface AblatedSpan {
  /** The first and the last layer whose modules are off. */
  from: number
  to: number
  score: number
}

export interface AdapterAblation {
  /** What the scores are, as fractions: accuracy; micro-F1 of several labels a text; of numbers the mean of Pearson's and Spearman's correlation. */
  metric: 'accuracy' | 'micro-F1' | 'correlation'
  examples: number
  /** With all modules. */
  score: number
  /** Layers that have modules. */
  layers: readonly number[]
  /** Every span of neighbours among these. */
  spans: readonly AblatedSpan[]
}

export interface AblationOptions extends ExecutorChoice {
  signal?: AbortSignal
  onSpan?: (span: AblatedSpan, done: number, of: number) => void
}

/**
 * Switches off what a recipe put into each span of layers of an adapted model, and scores what is left on examples.
 *
 * ```ts
 * const ablation = await adapterAblation(await load('tickets'), test)
 * console.log(formatAblation(ablation))
 * ```
 *
 * @throws where nothing was put into the model's layers.
 */
export async function adapterAblation(
  model: Backbone,
  examples: readonly LabelledText[],
  { signal, onSpan, ...choice }: AblationOptions = {},
): Promise<AdapterAblation> {
  const layers = [...new Set([...model.parameters.keys()].flatMap((path) => lastOfModule(path)?.layer ?? []))].sort((a, b) => a - b)
  if (layers.length === 0)
    throw new Error(
      `${model.source}: nothing was put into this model's layers, so nothing can be switched off: expected one that was trained with adapters, low-rank updates, scales or projected attention (thaw adapt … --recipe houlsby)`,
    )
  const scored = async (parameters: ReadonlyMap<string, NamedValues>) => {
    signal?.throwIfAborted()
    const whole = await taskModelFrom({ ...model, parameters: new Map(parameters) }, choice)
    await using _ = whole.model
    return await scoreOf(whole, examples)
  }
  const { metric, score } = await scored(model.parameters)
  const spans: AblatedSpan[] = []
  const count = (layers.length * (layers.length + 1)) / 2
  for (const [i, from] of layers.entries())
    for (const to of layers.slice(i)) {
      const span = { from, to, score: (await scored(without(model.parameters, from, to))).score }
      spans.push(span)
      onSpan?.(span, spans.length, count)
    }
  return { metric, examples: examples.length, score, layers, spans }
}

/** What each span costs, in points: a row for its first layer, a column for its last. */
export function formatAblation({ layers, spans, score }: AdapterAblation): string {
  const points = (from: number, to: number) => {
    const span = spans.find((one) => one.from === from && one.to === to)
    return span && `${span.score < score ? '−' : '+'}${Math.abs(100 * (span.score - score)).toFixed(1)}`
  }
  return table(
    layers.map((from) => [`from ${from}`, ...layers.map((to) => points(from, to))]),
    ['off', ...layers.map((to) => ({ title: `to ${to}`, align: 'right' as const }))],
  )
}

/** The layer of a module's last parameter, and the value with which the module is nothing. */
function lastOfModule(path: string): { layer: number; off: number } | undefined {
  for (const [pattern, off] of nothing) {
    const found = pattern.exec(path)
    if (found) return { layer: Number(found[1]), off }
  }
  return undefined
}

function without(parameters: ReadonlyMap<string, NamedValues>, from: number, to: number): Map<string, NamedValues> {
  const left = new Map(parameters)
  for (const [path, { shape, data }] of parameters) {
    const found = lastOfModule(path)
    if (found && found.layer >= from && found.layer <= to) left.set(path, { shape, data: new Float32Array(data.length).fill(found.off) })
  }
  return left
}

async function scoreOf({ task, model }: TaskModel, examples: readonly LabelledText[]): Promise<Pick<AdapterAblation, 'metric' | 'score'>> {
  if (task.kind === 'multi-label') {
    const { report } = await (model as MultiLabelModel).evaluate(examples.map((example) => ({ ...example, labels: example.labels ?? [] })))
    return { metric: 'micro-F1', score: report.microF1 }
  }
  if (task.kind === 'regression') {
    const { pearson, spearman } = (await (model as Regressor).evaluate(examples)).report
    return { metric: 'correlation', score: (pearson + spearman) / 2 }
  }
  if (task.kind === 'multiple-choice') return { metric: 'accuracy', score: (await (model as ChoiceModel).evaluate(examples)).report.accuracy }
  const { report } = await (model as Classifier).evaluate(examples.map((example) => ({ ...example, label: example.label! })))
  return { metric: 'accuracy', score: report.accuracy }
}
