// The card of a model that `thaw adapt` made: what it does, from which base and data, how well over the seeds, by which recipe and command.

import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { type CardResult, cardFacts, formatCard, type ModelCard } from '../hub/card.js'
import { counted } from '../log/format.js'
import type { Task } from '../tasks/task.js'
import type { AdaptData } from './adapt-data.js'
import { describeRecipe } from './adapt-screen.js'
import type { SeedResult } from './adapt-seeds.js'
import type { ChosenCheckpoint } from './named-checkpoint.js'
import { scoreColumns } from './task-evaluation.js'

/** What a card says beside what the run itself knows. */
export interface CardSource {
  /** The command that was given. */
  command: string
  /** The checkpoint that was adapted: its name, and its folder, in which it may have a card. */
  base: ChosenCheckpoint
  train: string
  test?: string
}

/** The card as README.md. `results` are those of all seeds, `best` is the one that was kept. */
export async function adaptCard(
  { command, base, train, test }: CardSource,
  { out, data, epochsChosen }: { out: string; data: AdaptData; epochsChosen: boolean },
  results: readonly SeedResult[],
  best: SeedResult,
): Promise<string> {
  const known = cardFacts(await readFile(join(base.folder, 'README.md'), 'utf8').catch(() => ''))
  const pipeline = pipelineOf(data.task)
  return formatCard({
    name: basename(resolve(out)),
    summary: summaryOf(data.task, data.train[0]?.pair !== undefined),
    ...(pipeline === undefined ? {} : { pipeline }),
    ...known,
    base: base.name,
    ...(base.revision === undefined ? {} : { baseRevision: base.revision }),
    data: data.notes,
    results: [
      ...scores(basename(train), 'validation', results, ({ valid }) => valid),
      ...(test === undefined ? [] : scores(basename(test), 'test', results, (result) => result.test ?? result.valid)),
    ],
    recipe: describeRecipe(best.report, data.train.length, epochsChosen),
    command,
    limits: [
      ...(test === undefined ? ['There is no test result; the validation examples chose the epoch that was kept, and look a little too good.'] : []),
      `Texts are cut at ${counted(best.report.settings.maxLength, 'token')}. It was trained on ${counted(data.train.length, 'example')}, and has been measured on texts like these only.`,
      known.licence === undefined
        ? `${base.name} has no card that names its licence; name one before you share this model.`
        : `The licence is the one of ${base.name}; whether the training data allow it is for you to say.`,
    ],
  })
}

/** The hub's name of a task, where it has one. */
function pipelineOf(task: Task): ModelCard['pipeline'] {
  if (task.kind === 'multiple-choice') return undefined
  return task.kind === 'regression' && task.form === 'two-tower' ? 'sentence-similarity' : 'text-classification'
}

function summaryOf(task: Task, pairs: boolean): string {
  const what = pairs ? 'pairs of texts' : 'texts'
  if (task.kind === 'multiple-choice') return `Chooses the one of ${task.choices} candidates that belongs to a text.`
  if (task.kind === 'regression') return `Gives ${what} a number from ${task.range[0]} to ${task.range[1]}.`
  const shown = task.labels.slice(0, 20).join(', ')
  const does = task.kind === 'multi-label' ? `Gives ${what} any of` : `Classifies ${what} by`
  return `${does} ${task.labels.length} labels: ${shown}${task.labels.length > 20 ? ', …' : ''}.`
}

function scores(dataset: string, split: string, results: readonly SeedResult[], of: (result: SeedResult) => SeedResult['valid']): CardResult[] {
  return scoreColumns(of(results[0]!)).map(({ title }, k) => ({
    dataset,
    split,
    metric: title,
    values: results.map((result) => scoreColumns(of(result))[k]!.value),
  }))
}
