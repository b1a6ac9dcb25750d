// What a model answers, as cells of a table: a label with its probability, a number, or the chosen candidate with its probability.

import type { ChoiceModel, Classifier, MultiLabelModel, Prediction, Regressor, TaskModel } from '../adapt/index.js'
import { table } from '../log/table.js'
import { decide } from '../metrics/thresholds.js'
import type { TextLike } from '../tasks/form.js'
import type { Task } from '../tasks/task.js'
import type { DataOptions } from './data-options.js'

export interface Answer {
  /** A list where a text may have several. */
  label?: string | readonly string[]
  score: string | readonly string[]
}

export interface Answers {
  /** The columns that an answer fills. */
  columns: readonly ('label' | 'score')[]
  ask(examples: readonly TextLike[]): Promise<Answer[]>
  /** All that can be said of one example: every label, up to `top` of them. */
  explain(example: TextLike, top: number): Promise<string>
}

/** The answers of a model of the task. */
export function answers(task: Task, model: TaskModel['model']): Answers {
  if (task.kind === 'classification') return ofClassifier(model as Classifier)
  if (task.kind === 'multi-label') return ofLabels(model as MultiLabelModel)
  return task.kind === 'regression' ? ofRegressor(model as Regressor) : ofChoices(model as ChoiceModel)
}

const ranking = (rows: readonly Prediction[]): string =>
  table(
    rows.map(({ label, score }) => [label, score.toFixed(4)]),
    [{ title: 'label' }, { title: 'score' }],
  )

function ofClassifier(model: Classifier): Answers {
  return {
    columns: ['label', 'score'],
    ask: async (examples) =>
      (await model.probabilities(examples)).map((row) => {
        const best = decide(row, model.thresholds)
        return { label: model.labels[best]!, score: row[best]!.toFixed(4) }
      }),
    explain: async (example, top) => ranking((await model.predict(example)).slice(0, top)),
  }
}

function ofLabels(model: MultiLabelModel): Answers {
  const threshold = (label: string) => model.thresholds?.[model.labels.indexOf(label)] ?? 0.5
  return {
    columns: ['label', 'score'],
    ask: async (examples) =>
      (await model.predict(examples)).map((said) => ({ label: said.map(({ label }) => label), score: said.map(({ score }) => score.toFixed(4)) })),
    async explain(example, top) {
      const said = await model.predict(example)
      const columns = ['label', 'score', 'threshold']
      const row = ({ label, score }: Prediction) => [label, score.toFixed(4), threshold(label).toFixed(4)]
      if (said.length > 0) return table(said.map(row), columns)
      const [probabilities] = await model.probabilities([example])
      const all = model.labels.map((label, k) => ({ label, score: probabilities![k]! }))
      const nearest = all.sort((a, b) => b.score / threshold(b.label) - a.score / threshold(a.label)).slice(0, top)
      return `no label reaches its threshold; the nearest:\n${table(nearest.map(row), columns)}`
    },
  }
}

const ofRegressor = (model: Regressor): Answers => ({
  columns: ['score'],
  ask: async (examples) => (await model.predict(examples)).map((value) => ({ score: value.toFixed(4) })),
  explain: async (example) => (await model.predict(example)).toFixed(4),
})

const ofChoices = (model: ChoiceModel): Answers => ({
  columns: ['label', 'score'],
  ask: async (examples) =>
    (await model.predict(examples)).map(({ best, probabilities }, i) => ({
      label: examples[i]!.choices![best]!,
      score: probabilities[best]!.toFixed(4),
    })),
  async explain(example, top) {
    const { probabilities } = await model.predict(example)
    const rows = example.choices!.map((label, i) => ({ label, score: probabilities[i]! }))
    return ranking(rows.sort((a, b) => b.score - a.score).slice(0, top))
  },
})

/** The examples that texts of the command line are: a text each; two for a model of pairs; a text with its candidates. @throws where they do not fit. */
export function givenExamples(task: Task, pairs: boolean, texts: readonly string[]): TextLike[] {
  if (task.kind === 'multiple-choice') {
    if (texts.length !== task.choices + 1)
      throw new Error(`expected a text and its ${task.choices} candidates, ${task.choices + 1} in all; got ${texts.length}`)
    return [{ text: texts[0]!, choices: texts.slice(1) }]
  }
  if (!pairs) return texts.map((text) => ({ text }))
  if (texts.length !== 2) throw new Error(`this model compares two texts: give two of them; got ${texts.length}`)
  return [{ text: texts[0]!, pair: texts[1]! }]
}

/**
 * What a file must give beside its texts. A model of pairs would answer for the first texts alone without a word.
 *
 * @throws naming the option that is missing.
 */
export function refuseMissingColumns(file: string, task: Task, pairs: boolean, { pair, choices }: Pick<DataOptions, 'pair' | 'choices'>): void {
  if (task.kind === 'multiple-choice' && !choices)
    throw new Error(
      `${file}: this model chooses among ${task.choices} candidates; name their columns by --choices a,b,c (JSONL: a field with a list)`,
    )
  if (task.kind !== 'multiple-choice' && pairs && pair === undefined)
    throw new Error(
      `${file}: this model compares two texts; name the columns: --text FIRST --pair SECOND (--format csv, tsv or jsonl, where the ending does not say it)`,
    )
}
