// `thaw generate`: a checkpoint continues a text. The result is one line on stdout, so that it can be piped; all else goes to stderr.

import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { generator } from '../generate/generate.js'
import { type GenerateOptions, generateSettings } from '../generate/settings.js'
import { addHubOptions, type HubFlags, takeHubOptions } from './hub-options.js'
import { loadNamed } from './named-checkpoint.js'
import { say } from './screen.js'
import { count, countOrNone, nonNegative, positive } from './values.js'

interface Options extends GenerateOptions, HubFlags {
  stream?: boolean
  threads?: number
}

const examples = `
Examples:
  thaw generate checkpoints/wiki-lm "The river"
  thaw generate checkpoints/wiki-lm "The river" --top-p 0.9 --seed 7 --tokens 200 --stream
  thaw generate checkpoints/wiki-lm "The river" --beams 4`

/** Registers `thaw generate`. */
export function registerGenerate(program: Command): void {
  const command = program
    .command('generate')
    .summary('let a language model continue a text')
    .description('Prints the text and its continuation as one line, newlines as \\n. Takes the most probable token each time unless told to sample.')
    .argument('<checkpoint>', 'folder or name of a causal language model')
    .argument('<text>', 'what it begins with; - reads standard input')
    .option('--tokens <n>', 'new tokens, at most; default 50', count)
    .option('--temperature <x>', 'sample; below 1 more careful, above 1 wilder', nonNegative)
    .option('--top-k <n>', 'sample from the n most probable tokens', count)
    .option('--top-p <x>', 'sample from the most probable tokens that make up this share (nucleus)', positive)
    .option('--beams <n>', 'beam search with n hypotheses', count)
    .option('--length-penalty <x>', 'beam search: the higher, the longer; default 0.6', nonNegative)
    .option('--repetition-penalty <x>', 'above 1: fewer repetitions', positive)
    .option('--no-stop', 'go on where the model ends the text')
    .option('--seed <n>', 'of the sampling; default 1', countOrNone)
    .option('--stream', 'print the text as it comes, over as many lines as it has')
    .option('--threads <n>', 'default: all cores, at most 8', count)
  addHubOptions(command).addHelpText('after', examples).action(run)
}

async function run(checkpoint: string, given: string, all: Options): Promise<void> {
  const { hub, rest } = takeHubOptions(all)
  const { stream = false, threads, ...options } = rest
  if (stream && (options.beams ?? 1) > 1) throw new Error('--stream and --beams: beam search has no text before its end; leave one of them out')
  const onText = stream ? { onText: (text: string) => process.stdout.write(text) } : {}
  generateSettings({ ...options, ...onText })
  const prompt = given === '-' ? readFileSync(0, 'utf8').replace(/\r?\n$/, '') : given
  const backbone = await loadNamed(checkpoint, hub)
  await using writer = await generator(backbone, threads === undefined ? {} : { threads })
  const length = backbone.tokenizer.ids(prompt).length
  if (length > backbone.config.positions) say(`the text has ${length} tokens; the model sees the last ${backbone.config.positions} of them`)
  if (stream) process.stdout.write(prompt)
  const { text } = await writer.generate(prompt, { ...options, ...onText })
  process.stdout.write(stream ? '\n' : `${oneLine(prompt + text)}\n`)
}

/** A text as one line: line breaks are written as `\n` and `\r`. */
export const oneLine = (text: string): string => text.replaceAll('\n', '\\n').replaceAll('\r', '\\r')
