// `thaw pretrain`: text in, a checkpoint out. Every setting is an option; what happens is shown by pretrain-screen.ts.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { sizes } from '../models/sizes.js'
import { type PretrainReport, pretrain, readReport, readSettings } from '../pretrain/pretrain.js'
import { documentKinds, objectives, optimizers, type PretrainSettings, pretrainSettings, schedules } from '../pretrain/settings.js'
import { writeCurves } from './curves.js'
import { addHubOptions, type HubFlags, takeHubOptions } from './hub-options.js'
import { interruptible } from './interrupt.js'
import { namedFolders } from './named-checkpoint.js'
import { refuseChanges, refuseUsedFolder } from './out-folder.js'
import { pretrainScreen } from './pretrain-screen.js'
import { pretrainSummary } from './pretrain-summary.js'
import { calledAs, namedResult, print, say, shellWord } from './screen.js'
import { count, countOrNone, nonNegative, pairs, positive } from './values.js'

type Given = Partial<PretrainSettings>

interface Options extends Given, HubFlags {
  out: string
  resume?: boolean
  overwrite?: boolean
  threads?: number
  compareWarmup?: boolean
}

const examples = `
Examples:
  thaw pretrain --text wiki/*.txt --size tiny --minutes 30 --out checkpoints/wiki-lm
  thaw pretrain --text notes.txt.gz --documents line --size nano --epochs 5 --out checkpoints/notes
  thaw pretrain --resume --out checkpoints/wiki-lm`

/** Registers `thaw pretrain`. */
export function registerPretrain(program: Command): void {
  const command = program
    .command('pretrain')
    .summary('train a language model on raw text')
    .description('Trains a language model on raw text and writes a checkpoint folder. ^C saves; --resume goes on, also after a crash.')
    .requiredOption('-o, --out <folder>', 'checkpoint folder to write')
    .option('--resume', 'go on with the run in the folder, with the settings it was started with')
    .option('--overwrite', 'replace the checkpoint or run that is in the folder')
    .optionsGroup('Text:')
    .option('--text <files...>', 'text files, globs (.gz and .br are unpacked), or - for standard input')
    .option('--valid <files...>', 'held-out text; default: the last 2 % of the text')
    .addOption(new Option('--documents <kind>', 'where a document ends; articles: two empty lines').choices(documentKinds))
    .option('--tokenizer <path>', 'folder or file of a tokenizer; default: byte-level BPE is trained on the text')
    .option('--vocabulary <n>', 'entries of a tokenizer that is trained', count)
    .optionsGroup('Model:')
    .addOption(new Option('--objective <name>', 'what is learnt').choices(objectives))
    .addOption(new Option('--size <name>', 'size of the model; default tiny').choices(Object.keys(sizes)))
    .option('--whole-words', 'masked: hide whole words, not single tokens')
    .option('--next-sentence', "masked: also learn whether a text's second part follows its first (BERT)")
    .option('--config <settings>', 'changes to it, like layers=2,hidden=128,heads=4,dropout=0.1', pairs)
    .option('--from <checkpoint>', 'folder or name of a checkpoint to go on from, with its model and tokenizer (continued pretraining)')
    .option('--vectors <file>', "word vectors in GloVe's text form to start the token embeddings from (.gz and .br are unpacked)")
    .option('--teacher <checkpoint>', 'masked: folder or name of a published encoder whose hidden states are learnt too (distillation)')
    .optionsGroup('Length, one of:')
    .option('--minutes <n>', 'as many steps as fit', positive)
    .option('--steps <n>', 'updates', count)
    .option('--epochs <n>', 'passes over the text; default 1', positive)
    .optionsGroup('Training:')
    .option('--batch <n>', 'windows in a batch; default 16', count)
    .option('--time <n>', "tokens in a window; default: the model's positions", count)
    .option('--microsteps <n>', 'batches a step, their gradients averaged; default 1', count)
    .addOption(new Option('--optimizer <name>', 'muon: for the matrices in the layers, AdamW for the rest; default adamw').choices(optimizers))
    .option('--rate <x>', 'peak rate; default 0.001 (tutorial 2.5e-4)', positive)
    .addOption(new Option('--schedule <name>', 'how the rate falls; default cosine').choices(schedules))
    .option('--warmup <steps>', 'steps of linear warm-up; default 2 % of the run, at most 1,000', countOrNone)
    .option('--clip <norm>', 'largest norm of the gradients, 0 for none; default 1', nonNegative)
    .option('--weight-decay <x>', 'of matrices; default 0.01', nonNegative)
    .option('--seed <n>', 'of everything that is random; default 1', countOrNone)
    .option('--validate-every <steps>', 'default: twenty times in a run, fewer in a short one', count)
    .option('--save-every <seconds>', 'default 60', positive)
    .option('--threads <n>', 'default: all cores, at most 8; with a teacher one fewer', count)
    .option('--compare-warmup', 'train twice, with warm-up and without (in OUT-without-warmup), and draw both curves')
  addHubOptions(command).addHelpText('after', examples)
  command.action(async (options: Options) => {
    const { compareWarmup, ...rest } = options
    if (compareWarmup) await compare(rest)
    else await runOne(rest, `${calledAs} pretrain --resume --out ${shellWord(options.out)}`)
  })
}

/** Runs, resumes or finds one run finished; undefined where it was stopped, after saying `goOn`: the command that goes on with it. */
async function runOne(options: Options, goOn: string): Promise<PretrainReport | undefined> {
  const { hub, rest } = takeHubOptions(options)
  const { out, resume = false, overwrite = false, threads, ...asked } = rest
  const folder = join(out, 'training')
  // standard input was copied when the run began, and the copy is read again
  if (!resume) {
    if (!asked.text) throw new Error('--text is missing: name text files, globs, or - for standard input (or go on with a run: --resume)')
    pretrainSettings({ ...asked, text: asked.text })
    refuseUsedFolder(out, goOn, overwrite)
  }
  const { from, teacher } = asked
  // a run keeps the folders, whatever a name comes to mean
  const given = { ...asked, ...(await namedFolders({ from, teacher }, hub)) }
  if (resume) refuseChanges({ ...given, ...(given.text?.includes('-') ? { text: undefined } : {}) }, { ...(await readSettings(folder)) }, out)
  const finished = resume ? await readReport(folder) : undefined
  if (finished) say(`this run is finished; there is nothing to resume`)
  const report = finished ?? (await train({ ...given, text: given.text ?? [] }, { out, resume, ...(threads === undefined ? {} : { threads }) }))
  if (report.stopped) {
    say(`stopped after step ${report.steps.toLocaleString('en-US')}; everything is saved. Go on with\n  ${goOn}`)
    return undefined
  }
  print(pretrainSummary(report, await readSettings(folder), out))
  return report
}

async function train(given: Given & { text: string[] }, options: { out: string; resume: boolean; threads?: number }): Promise<PretrainReport> {
  const screen = pretrainScreen(() => interrupt.arm())
  using interrupt = interruptible((line) => screen.say(line))
  try {
    return await pretrain(given, { ...options, signal: interrupt.signal, onEvent: (event) => screen.event(event) })
  } finally {
    screen.end()
  }
}

/** The same run with warm-up and without, then both curves on one page. Stopped and resumed as one. */
async function compare({ out, resume = false, threads, ...given }: Options): Promise<void> {
  if (given.warmup === 0) throw new Error('--compare-warmup with --warmup 0: there would be no difference; leave --warmup out, or give a length')
  const without = `${out}-without-warmup`
  const goOn = `${calledAs} pretrain --compare-warmup --resume --out ${shellWord(out)}`
  const common = threads === undefined ? {} : { threads }
  if (!resume) refuseUsedFolder(without, goOn, given.overwrite ?? false)
  say(`with warm-up: ${out}`)
  const first = await runOne({ ...given, ...common, out, resume }, goOn)
  if (!first) return
  say(`without warm-up: ${without}`)
  const { epochs: _, minutes: __, ...settings } = await readSettings(join(out, 'training'))
  const second = existsSync(join(without, 'training', 'run.json')) && resume
  // both runs have the first one's tokenizer; a checkpoint that they go on from brings it along
  const tokenizer = settings.from === undefined ? { tokenizer: out } : {}
  const start = { ...settings, ...tokenizer, steps: first.steps, warmup: 0, overwrite: given.overwrite ?? false }
  if (!(await runOne({ ...(second ? { resume: true } : start), ...common, out: without }, goOn))) return
  const file = join(out, 'training', 'warmup.html')
  await writeCurves([out, without], file)
  print(namedResult('curves', file))
}
