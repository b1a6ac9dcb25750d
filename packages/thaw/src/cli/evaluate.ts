// `thaw evaluate`: how well an adapted model does on labelled texts.

import type { Command } from 'commander'
import { addDataOptions, type DataOptions } from './data-options.js'
import { addHubOptions, type HubFlags, takeHubOptions } from './hub-options.js'
import { openModel } from './open-model.js'
import { print } from './screen.js'
import { evaluateTask, formatTaskDetails, formatTaskScores } from './task-evaluation.js'
import { readTest } from './test-data.js'
import { count, countOrNone } from './values.js'

interface Options extends DataOptions, HubFlags {
  test: string
  mistakes: number
  base?: string
  threads?: number
}

/** Registers `thaw evaluate`. */
export function registerEvaluate(program: Command): void {
  const command = program
    .command('evaluate')
    .summary('measure an adapted model on labelled texts')
    .description(
      'Of a classifier on labelled texts: accuracy, macro-F1, the classes, the confusion matrix; of one with several labels a text: micro-F1, macro-F1, the labels; of a similarity: correlations; of multiple choice: accuracy; and the worst mistakes.',
    )
    .argument('<model>', 'folder that thaw adapt wrote, or thaw export --to adapter; or the name of one on a hub')
    .requiredOption('--test <file>', 'labelled texts')
  addDataOptions(command)
    .optionsGroup('Report:')
    .option('--mistakes <n>', 'how many of the worst mistakes to show', countOrNone, 10)
    .option('--base <checkpoint>', 'of an adapter: where the checkpoint it was trained on is now')
    .option('--threads <n>', 'default: all cores, at most 8', count)
  addHubOptions(command).action(async (folder: string, options: Options) => {
    const { hub, rest } = takeHubOptions(options)
    const { test, mistakes, threads, base, ...given } = rest
    const opened = await openModel(folder, { threads, base, hub })
    const { task, model } = opened
    await using _ = model
    const result = await evaluateTask(task, model, await readTest(test, opened, given), { mistakes })
    print(`${formatTaskScores('test', result)}\n\n${formatTaskDetails(result, process.stdout.columns ?? 100)}`)
  })
}
