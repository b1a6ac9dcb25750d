// `thaw evaluate`: how well a classifier does on labelled texts.

import type { Command } from 'commander'
import { addDataOptions, type DataOptions, dataOptionsOf, describeReading, readLabelled, withKnownLabels } from './data-options.js'
import { evaluation, formatDetails, formatScores } from './evaluation.js'
import { openClassifier } from './open-classifier.js'
import { named, print, say } from './screen.js'
import { count, countOrNone } from './values.js'

interface Options extends DataOptions {
  test: string
  mistakes: number
  base?: string
  threads?: number
}

/** Registers `thaw evaluate`. */
export function registerEvaluate(program: Command): void {
  const command = program
    .command('evaluate')
    .summary('measure a classifier on labelled texts')
    .description('Accuracy, macro-F1, the classes, the confusion matrix and the worst mistakes of a classifier on labelled texts.')
    .argument('<classifier>', 'folder that thaw adapt wrote, or thaw export --to adapter')
    .requiredOption('--test <file>', 'labelled texts')
  addDataOptions(command)
    .optionsGroup('Report:')
    .option('--mistakes <n>', 'how many of the worst mistakes to show', countOrNone, 10)
    .option('--base <checkpoint>', 'of an adapter: where the checkpoint it was trained on is now')
    .option('--threads <n>', 'default: all cores, at most 8', count)
  command.action(async (folder: string, { test, mistakes, threads, base, ...given }: Options) => {
    const read = await readLabelled(test, dataOptionsOf(given))
    await using model = await openClassifier(folder, { threads, base })
    const examples = withKnownLabels(test, read, model.labels, "the model's labels")
    say(named('data', describeReading(test, read)))
    const result = await evaluation(model, examples, { mistakes })
    print(`${formatScores('test', result)}\n\n${formatDetails(result, process.stdout.columns ?? 100)}`)
  })
}
