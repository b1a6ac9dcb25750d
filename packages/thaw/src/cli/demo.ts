// `thaw demo`: everything from raw text to adapted classifiers in minutes, on text that comes as an npm package.

import { relative } from 'node:path'
import type { Command } from 'commander'
import { runDemo } from '../demo/demo.js'
import { writeResults } from '../demo/results.js'
import { expectedSeconds } from '../demo/settings.js'
import { summary } from '../demo/summary.js'
import { wordnetFolder } from '../demo/wordnet.js'
import { duration } from '../log/format.js'
import { addHubOptions, type HubFlags, takeHubOptions } from './hub-options.js'
import { interruptible } from './interrupt.js'
import { namedCheckpoint } from './named-checkpoint.js'
import { print, say } from './screen.js'
import { count, countOrNone } from './values.js'

interface Options extends HubFlags {
  out: string
  quick?: boolean
  seed: number
  seeds?: number
  threads?: number
  fromCheckpoint?: string | true
}

/** Registers `thaw demo`. */
export function registerDemo(program: Command): void {
  const command = program
    .command('demo')
    .summary('pretrain and adapt on WordNet, from nothing, in minutes')
    .description(
      "Trains a tokenizer and a small language model on WordNet's glosses, then adapts it with few labelled definitions: from scratch, frozen, and fully fine-tuned, beside TF-IDF. Prints a table, writes models and a report.",
    )
    .option('-o, --out <folder>', 'where everything goes; the folder of an earlier demo is emptied first', 'thaw-demo')
    .option('--quick', 'the same in seconds, too short to learn much')
    .option('--seed <n>', 'of all samples, initial values and orders', countOrNone, 1)
    .option('--seeds <n>', 'labelled samples, each scheme runs once on each; default 3, with --quick 2', count)
    .option(
      '--from-checkpoint [checkpoint]',
      'also adapt a checkpoint that read more, to see what it gives; default wiki-masked, which comes with thaw',
    )
    .option('--threads <n>', 'default: all cores, at most 8', count)
  addHubOptions(command).action(demo)
}

async function demo(options: Options): Promise<void> {
  const { hub, rest } = takeHubOptions(options)
  const { out, quick = false, seed, seeds = quick ? 2 : 3, threads, fromCheckpoint } = rest
  const checkpoint = fromCheckpoint === undefined ? undefined : await namedCheckpoint(fromCheckpoint === true ? 'wiki-masked' : fromCheckpoint, hub)
  const wordnet = wordnetFolder()
  const folder = relative(process.cwd(), out) || out
  say("Transfer learning from nothing: WordNet's definitions, their category to be told.")
  say(`About ${duration(expectedSeconds(quick, seeds))} on two quiet cores; everything goes to ${folder}/. ^C stops.`)
  using interrupt = interruptible(say)
  interrupt.arm()
  const result = await runDemo({
    out,
    wordnet,
    quick,
    seed,
    seeds,
    stream: process.stderr,
    signal: interrupt.signal,
    ...(threads === undefined ? {} : { threads }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
  })
  if (!result) {
    say(`stopped. What there is so far is in ${folder}/; the next thaw demo starts anew`)
    return
  }
  await writeResults(out, result)
  print(summary(result, out))
}
