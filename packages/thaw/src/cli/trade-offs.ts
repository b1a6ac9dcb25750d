// `thaw trade-offs`: several schemes of adaptation on one task, what each costs and brings, as a table and a page.

import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { formatTradeOffs, tradeOffs, tradeOffsPage } from '../adapt/trade-offs/index.js'
import { defaultSchemes, schemeNames } from '../adapt/trade-offs/schemes.js'
import { duration } from '../log/format.js'
import { readData } from './adapt-data.js'
import { addDataOptions, type DataOptions, dataOptionsOf } from './data-options.js'
import { addHubOptions, type HubFlags, takeHubOptions } from './hub-options.js'
import { interruptible } from './interrupt.js'
import { namedCheckpoint } from './named-checkpoint.js'
import { beginningOf } from './pretraining-text.js'
import { named, percent, print, say } from './screen.js'
import { count, names, pairs } from './values.js'

interface Options extends DataOptions, HubFlags {
  out: string
  train: string
  valid?: string
  test?: string
  schemes: string[]
  seeds: number
  epochs?: number
  batch?: number
  maxLength?: number
  rates?: Record<string, string | number | boolean>
  strengths?: Record<string, string | number | boolean>
  pretraining?: string[]
  fisherText?: string[]
  threads?: number
}

const examples = `
Schemes: ${schemeNames.join(', ')}

Examples:
  thaw trade-offs checkpoints/wiki-lm --train train_5500.label --test TREC_10.label --out runs/trade-offs
  thaw trade-offs checkpoints/wiki-lm --train tickets.csv --schemes full,lora,frozen --seeds 5 --pretraining wiki.txt --out runs/tickets`

/** Registers `thaw trade-offs`. */
export function registerTradeOffs(program: Command): void {
  const command = program
    .command('trade-offs')
    .summary('compare schemes of adaptation on a task')
    .description(
      'Adapts a checkpoint by several schemes and puts side by side what each costs (parameters, bytes, time, memory) and brings (accuracy, forgetting). Each run is kept as it ends: the same command goes on where it was stopped.',
    )
    .argument('<checkpoint>', 'folder or name of a pretrained checkpoint')
    .requiredOption('-o, --out <folder>', 'folder for runs.jsonl, trade-offs.json and trade-offs.html')
    .requiredOption('--train <file>', 'labelled texts')
    .option('--valid <file>', 'chooses the epoch that is kept; default: a part of the training examples')
    .option('--test <file>', 'looked at once a run')
    .option('--schemes <names>', 'see below', names, [...defaultSchemes])
    .option('--seeds <n>', 'runs of each scheme', count, 3)
    .option('--pretraining <files>', 'text like that of the pretraining: for forgetting, and for how near the task is to it', names)
    .option('--fisher-text <files>', 'text that the checkpoint was pretrained on, for the scheme ewc', names)
    .option('--epochs <n>', 'of every scheme; default: what suits each', count)
    .option('--batch <n>', 'examples in a batch', count)
    .option('--max-length <tokens>', 'longer texts are cut', count)
    .option('--rates <name=x,…>', 'peak rates by scheme: full=1e-4,lora=1e-3; default: what suits each', pairs)
    .option('--strengths <name=x,…>', 'of the pull back to the pretrained values: ewc=100,l2-sp=0.01; default: what the recipe has', pairs)
    .option('--threads <n>', 'default: all cores, at most 8', count)
  addHubOptions(addDataOptions(command)).addHelpText('after', examples).action(run)
}

async function run(checkpoint: string, options: Options): Promise<void> {
  const { out, train, valid, test, schemes, seeds, rates, strengths, threads, epochs, batch, maxLength } = options
  const files = { task: 'classification' as const, train, ...(valid ? { valid } : {}), ...(test ? { test } : {}), splitSeed: 1, exactLabels: false }
  const data = await readData(files, dataOptionsOf(options))
  for (const [i, note] of data.notes.entries()) say(named(i === 0 ? 'data' : '', note))
  const { folder, name, revision } = await namedCheckpoint(checkpoint, takeHubOptions(options).hub)
  const pretraining = options.pretraining && (await beginningOf(options.pretraining))
  const fisherText = options.fisherText && (await beginningOf(options.fisherText))
  const shared = Object.fromEntries(Object.entries({ epochs, batch, maxLength }).filter(([, value]) => value !== undefined))
  await mkdir(out, { recursive: true })
  if (existsSync(join(out, 'runs.jsonl'))) say('runs that are in the folder are not done again')
  using interrupt = interruptible(say)
  interrupt.arm()
  const report = await tradeOffs({
    ...{ checkpoint: revision === undefined ? name : `${name}, revision ${revision}`, folder },
    ...{ out, schemes, seeds: Array.from({ length: seeds }, (_, i) => i + 1), settings: shared, signal: interrupt.signal },
    ...{ labels: data.task.kind === 'classification' ? data.task.labels : [], train: data.train, valid: data.valid },
    ...(data.test ? { test: data.test } : {}),
    ...(pretraining ? { pretraining } : {}),
    ...(fisherText ? { fisherText } : {}),
    ...(rates ? { rates: numbers('--rates', rates) } : {}),
    ...(strengths ? { strengths: numbers('--strengths', strengths) } : {}),
    ...(threads === undefined ? {} : { threads }),
    onRun({ scheme, seed, done, of, result }) {
      const what = 'diverged' in result ? `diverged: ${result.diverged}` : `validation ${percent(result.valid)}, ${duration(result.seconds)}`
      say(named(`${done} of ${of}`, `${scheme}, seed ${seed}: ${what}`))
    },
  }).catch((error: Error) => {
    if (interrupt.signal.aborted) return undefined
    throw error
  })
  if (!report) return say('stopped; the runs that ended are kept: the same command goes on')
  await writeFile(join(out, 'trade-offs.json'), JSON.stringify(report, undefined, 2))
  await writeFile(join(out, 'trade-offs.html'), tradeOffsPage(report))
  print(`\n${formatTradeOffs(report)}\n`)
  print(named('page', join(out, 'trade-offs.html'), process.stdout))
}

function numbers(option: string, given: Record<string, string | number | boolean>): Record<string, number> {
  for (const [name, value] of Object.entries(given))
    if (typeof value !== 'number' || !(value > 0)) throw new Error(`${option} ${name}=${value}: expected a number above 0`)
  return given as Record<string, number>
}
