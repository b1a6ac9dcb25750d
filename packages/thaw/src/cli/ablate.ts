// `thaw ablate`: which layers' adapters matter, by switching them off.

import type { Command } from 'commander'
import { adapterAblation, formatAblation } from '../adapt/adapter/ablation.js'
import { taskModelFrom } from '../adapt/index.js'
import { count as counted } from '../log/format.js'
import { statusLine } from '../log/status.js'
import { addDataOptions, type DataOptions } from './data-options.js'
import { addHubOptions, type HubFlags, takeHubOptions } from './hub-options.js'
import { openCheckpoint } from './open-model.js'
import { named, percent, print } from './screen.js'
import { readTest } from './test-data.js'
import { count } from './values.js'

interface Options extends DataOptions, HubFlags {
  test: string
  base?: string
  threads?: number
}

/** Registers `thaw ablate`. */
export function registerAblate(program: Command): void {
  const command = program
    .command('ablate')
    .summary("see which layers' adapters matter")
    .description(
      'Switches off what a recipe put into each span of layers of an adapted model (adapters, low-rank updates, scales, projected attention), without training it again, and scores what is left. The table has a row for the first layer of a span, a column for its last, and how many points are lost.',
    )
    .argument('<model>', 'folder that thaw adapt wrote with such a recipe, or thaw export --to adapter; or the name of one on a hub')
    .requiredOption('--test <file>', 'labelled texts')
  addDataOptions(command)
    .optionsGroup('Model:')
    .option('--base <checkpoint>', 'of an adapter: where the checkpoint it was trained on is now')
    .option('--threads <n>', 'default: all cores, at most 8', count)
  addHubOptions(command).action(async (folder: string, options: Options) => {
    const { hub, rest } = takeHubOptions(options)
    const { test, threads, base, ...given } = rest
    const choice = threads === undefined ? {} : { threads }
    const checkpoint = await openCheckpoint(folder, { base, hub })
    const { model, ...about } = await taskModelFrom(checkpoint, choice)
    await model.dispose()
    const examples = await readTest(test, about, given)
    const status = statusLine(process.stderr)
    const onSpan = (_: unknown, done: number, of: number) => status.show(named('ablation', `${counted(done)} of ${counted(of)} spans of layers`, {}))
    const ablation = await adapterAblation(checkpoint, examples, { ...choice, onSpan }).finally(() => status.clear())
    const { metric, score } = ablation
    print(`${metric} with all modules ${percent(score)}; points without those of the layers from … to …:\n\n${formatAblation(ablation)}`)
  })
}
