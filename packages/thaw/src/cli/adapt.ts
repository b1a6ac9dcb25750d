// `thaw adapt`: a checkpoint and labelled texts in, a classifier out.

import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { type AdaptSettings, adaptationSettings, type Backbone, keeps, type RecipeName, recipes, schemes, tutorialSettings } from '../adapt/index.js'
import { namedRecipe } from '../adapt/recipe/presets.js'
import { evenSample } from '../data/even-sample.js'
import { settleFolder } from '../hub/replace-folder.js'
import { duration, count as number } from '../log/format.js'
import { type Form, forms } from '../tasks/form.js'
import { poolings } from '../tasks/pooling.js'
import { type AdaptData, describeData, readData } from './adapt-data.js'
import { estimatedSeconds, measuredSpeed } from './adapt-estimate.js'
import { fisherOf, needsFisher } from './adapt-fisher.js'
import { defaultJobs, usefulJobs } from './adapt-parallel.js'
import { showRates } from './adapt-rate.js'
import { adaptSeeds } from './adapt-seeds.js'
import { type TaskName, taskNames } from './adapt-task.js'
import { bundledDefault, chooseCheckpoint, terminalQuestion } from './choose-checkpoint.js'
import { addDataOptions, type DataOptions, dataOptionsOf } from './data-options.js'
import { addHubOptions, type HubFlags, type KeptPlaces, keptPlaces, takeHubOptions, withoutSecrets } from './hub-options.js'
import { loadChosen, namedCheckpoint } from './named-checkpoint.js'
import { refuseChanges, refuseUsedFolder } from './out-folder.js'
import { calledAs, named, say, shellWord } from './screen.js'
import { count, countOrNone, nonNegative, positive, probability, range, share, weights } from './values.js'

/** What a run is made of: kept as training/run.json, read again by --resume. */
export interface AdaptRun extends DataOptions, Partial<Omit<AdaptSettings, 'recipe'>> {
  command: 'adapt'
  /** The words after `thaw`, as they were given, with the checkpoint that was chosen where none was named. */
  words?: string[]
  checkpoint: string
  /** Of the checkpoint, where one was asked for. */
  revision?: string
  /** Where it was to be looked for. */
  places?: KeptPlaces
  train: string
  valid?: string
  test?: string
  validFraction?: number
  splitSeed?: number
  exactLabels?: boolean
  task?: TaskName
  form?: Form
  range?: [number, number]
  /** The tutorial's settings, or a recipe by name. */
  recipe?: 'tutorial' | RecipeName
  seeds?: number
  /** Of the pull to the pretrained values, for the recipes l2-sp and ewc. */
  strength?: number
  /** Pretraining text, for the recipe ewc. */
  fisherText?: string
  /** In MB. */
  frozenCache?: number
}

interface Options extends Omit<AdaptRun, 'command' | 'words' | 'checkpoint' | 'revision' | 'places'>, HubFlags {
  out: string
  resume?: boolean
  overwrite?: boolean
  findRate?: boolean
  jobs?: number
  onlySeed?: number
  threads?: number
  saveEvery?: number
  mistakes: number
  baseline: boolean
}

const examples = `
Examples:
  thaw adapt --train tickets.csv --out tickets
  thaw adapt checkpoints/wiki-lm --train train.jsonl --test test.jsonl --out tickets
  thaw adapt checkpoints/wiki-lm --train tickets.csv --text subject,body --label queue --scheme frozen --out tickets
  thaw adapt checkpoints/wiki-lm --train train_5500.label --test TREC_10.label --seeds 5 --out trec
  thaw adapt --train sts.csv --task similarity --text sentence1 --pair sentence2 --label score --form two-tower --out sts
  thaw adapt --train mails.tsv --multi-label --label tags --out mails
  thaw adapt --resume --out trec`

/** Registers `thaw adapt`. */
export function registerAdapt(program: Command): void {
  const command = program
    .command('adapt')
    .summary('adapt a checkpoint to classify texts')
    .description(
      'Adapts a pretrained checkpoint to a classification task: JSONL, CSV, TSV or TREC in, a classifier out. ^C saves; --resume goes on, also after a crash.',
    )
    .argument('[checkpoint]', 'folder or name of a pretrained checkpoint; without it one is proposed')
    .requiredOption('-o, --out <folder>', 'folder to write the classifier to')
    .addOption(new Option('--task <name>', 'what is learnt; default classification').choices(taskNames))
    .addOption(new Option('--form <name>', 'pairs as one text, or each text alone (vectors that can be kept); default cross-encoder').choices(forms))
    .option('--range <low,high>', 'of the numbers of a similarity or regression; default: those of the training examples', range)
    .option('--train <file>', 'labelled texts (.gz and .br are unpacked)')
    .option('--valid <file>', 'chooses the epoch that is kept; default: a part of the training examples')
    .option('--test <file>', 'looked at once, at the end')
    .option('--resume', 'go on with the run in the folder, with the settings it was started with')
    .option('--overwrite', 'replace the classifier or run that is in the folder')
  addDataOptions(command)
    .option('--multi-label', 'a text may have several labels, or none: lists (JSONL), or cells like billing|urgent')
    .option('--valid-fraction <x>', 'part of the training examples for validation; default 0.1, at most 2,000 examples', share)
    .option('--split-seed <n>', 'of that choice; default 1', countOrNone)
    .option('--exact-labels', 'keep labels apart that differ only by case or spaces')
    .optionsGroup('Recipe (printed before the run; what is not given suits the model and the number of examples):')
    .addOption(
      new Option('--recipe <name>', "tutorial: the NAACL 2019 tutorial's settings; others say what trains when, at which rate").choices([
        'tutorial',
        ...Object.keys(recipes),
      ]),
    )
    .option('--strength <x>', 'with the recipes l2-sp (default 0.01) and ewc (100): of the pull to the pretrained values', nonNegative)
    .option('--fisher-text <file>', 'with the recipe ewc: text that the checkpoint was pretrained on')
    .addOption(new Option('--scheme <name>', 'what is trained: everything, the head only, or everything from random values').choices(schemes))
    .addOption(new Option('--pooling <name>', 'from tokens to one vector; clf adds a [CLF] token').choices(poolings))
    .option('--epochs <n>', 'passes over the training examples', count)
    .option('--batch <n>', 'examples in a batch', count)
    .option('--rate <x>', 'peak rate of AdamW', positive)
    .option('--head-factor <x>', "factor on the head's rate; default 1", positive)
    .option('--warmup <steps>', 'steps of linear warm-up; then linear to 0', countOrNone)
    .option('--max-length <tokens>', "longer texts are cut; default 256, or the model's positions where it has fewer", count)
    .option('--dropout <x>', 'default 0.1', probability)
    .option('--weight-decay <x>', 'of matrices; default 0.01', nonNegative)
    .option('--clip <norm>', 'largest norm of the gradients, 0 for none; default 1', nonNegative)
    .option('--seed <n>', 'of head, order and dropout; default 1', countOrNone)
    .option('--seeds <n>', 'run so many seeds, report mean ± deviation, keep the best by validation', count)
    .option('--frozen-cache <MB>', 'memory for outputs of frozen layers, more goes to disk; 0 for none; default 512', nonNegative)
    .option('--jobs <n>', 'with --seeds: so many at a time, in processes of one thread each; default: all cores, at most 8; with --threads 1', count)
    .addOption(new Option('--only-seed <n>', 'one seed of a run that another process leads').argParser(countOrNone).hideHelp())
    .addOption(new Option('--keep <epoch>', 'which epoch to end with: the best on the validation examples, or the last; default best').choices(keeps))
    .option('--patience <n>', 'end when so many epochs were not better on the validation examples', count)
    .option('--class-weights <weights>', 'for rare labels: balanced, or label=weight,…', weights)
    .option('--thresholds', 'decide by thresholds for each label that are best on the validation examples; with --multi-label they are chosen anyway')
    .option('--no-thresholds', 'with --multi-label: each label from a half on')
    .option('--find-rate', 'train nothing: draw the loss by rate (100 steps), and suggest one')
    .option('--save-every <seconds>', 'default 30', positive)
    .option('--threads <n>', 'default: all cores, at most 8', count)
    .optionsGroup('Report:')
    .option('--mistakes <n>', 'how many of the worst mistakes to show', countOrNone, 10)
    .option('--no-baseline', 'leave out the floor: TF-IDF n-grams with a linear classifier')
  addHubOptions(command).addHelpText('after', examples).action(runAdapt)
}

async function runAdapt(checkpoint: string | undefined, options: Options, command: Command): Promise<void> {
  const { hub: places, rest } = takeHubOptions(options)
  const {
    out,
    resume = false,
    overwrite = false,
    findRate = false,
    jobs = rest.threads === undefined ? defaultJobs() : 1,
    onlySeed,
    threads,
    saveEvery,
    mistakes,
    baseline,
    ...settingsGiven
  } = rest
  const given = { ...settingsGiven, ...(places.revision === undefined ? {} : { revision: places.revision }) }
  const folder = join(out, 'training')
  const goOn = `${calledAs} adapt --resume --out ${shellWord(out)}`
  if (!resume) {
    if (given.train === undefined)
      throw new Error(
        `--train is missing: name a file of labelled texts: thaw adapt ${checkpoint ?? '[CHECKPOINT]'} --train FILE --out ${shellWord(out)}`,
      )
    if ([given.train, given.valid, given.test].includes('-'))
      throw new Error('-: standard input cannot be read again when a run is resumed; name a file')
    if (!findRate) refuseUsedFolder(out, goOn, overwrite)
  }
  const run = resume
    ? await readRun(out, { ...given, ...(checkpoint === undefined ? {} : { checkpoint }) })
    : ({ ...given, command: 'adapt', checkpoint, places: keptPlaces(places) } as AdaptRun)
  // data first: a mistake in a file is told before anything is downloaded
  const data = await readData(
    { ...run, task: run.task ?? 'classification', splitSeed: run.splitSeed ?? 1, exactLabels: run.exactLabels ?? false },
    dataOptionsOf(run),
  )
  const hub = { ...run.places, ...places, ...(run.revision === undefined ? {} : { revision: run.revision }) }
  const words = withoutSecrets(command.parent!.args)
  const chosen = run.checkpoint
    ? await namedCheckpoint(run.checkpoint, hub)
    : await chooseCheckpoint({ hub, commandWith: commandWith(words), ask: terminalQuestion(), serves: bundledDefault() })
  run.checkpoint = chosen.name
  if (!resume) run.words = ['adapt', ...(checkpoint === undefined ? [chosen.name] : []), ...words.slice(1)]
  const backbone = await loadChosen(chosen)
  const shape = `${backbone.config.layers} layers × ${backbone.config.hidden}`
  const size = [...backbone.parameters.values()].reduce((sum, { data }) => sum + data.length, 0)
  const which = chosen.revision === undefined ? chosen.name : `${chosen.name}, revision ${chosen.revision}`
  say(named('backbone', `${which}: ${backbone.config.causal ? 'causal' : 'bidirectional'}, ${shape}, ${number(size)} parameters`))
  data.notes.forEach((note, i) => {
    say(named(i === 0 ? 'data' : '', note))
  })
  const wanted = { ...recipeOf(run), ...settingsOf(run) }
  const settings = adaptationSettings(wanted, backbone.config, data.train.length)
  const fisher = needsFisher(settings, run.fisherText)
  if (findRate) {
    const known = fisher ? { fisher: await fisherOf(backbone, run.fisherText!, threads) } : {}
    return showRates({ backbone, data, settings, out, threads, ...known })
  }
  const seeds = run.seeds ?? 1
  if (!resume) {
    say(`\n${describeData(data, backbone, settings)}\n`)
    say(await expectedTime(data, backbone, settings, { seeds, jobs, threads }))
    await mkdir(folder, { recursive: true })
    await replaceFile(join(folder, 'run.json'), JSON.stringify(run, undefined, 2))
  }
  await adaptSeeds({
    backbone,
    data,
    settings,
    seeds,
    epochsChosen: wanted.epochs === undefined,
    out,
    resume,
    goOn,
    card: {
      command: ['thaw', ...(run.words ?? ['adapt'])].map((word) => shellWord(word)).join(' '),
      base: chosen,
      train: run.train,
      ...(run.test === undefined ? {} : { test: run.test }),
    },
    threads,
    ...(run.frozenCache === undefined ? {} : { frozenCache: run.frozenCache * 2 ** 20 }),
    saveEvery,
    mistakes,
    baseline,
    jobs,
    ...(onlySeed === undefined ? {} : { onlySeed }),
    ...(fisher ? { fisher: await fisherOf(backbone, run.fisherText!, threads, folder) } : {}),
  })
}

/** The command that was given (`adapt` and its options), with a checkpoint in it. */
const commandWith =
  ([name, ...options]: readonly string[]) =>
  (checkpoint: string) =>
    [calledAs, ...[name!, checkpoint, ...options.filter((word) => word !== '--offline')].map((word) => shellWord(word))].join(' ')

/** Longer than this, a run's line about time says how it becomes shorter. */
const longRun = 20 * 60

/** How long the run will take on this machine; where that is long, how it becomes shorter. */
async function expectedTime(
  data: AdaptData,
  backbone: Backbone,
  settings: AdaptSettings,
  { seeds, jobs, threads }: { seeds: number; jobs: number; threads: number | undefined },
): Promise<string> {
  const beside = usefulJobs(jobs, seeds)
  const lengths = (texts: AdaptData['train']) =>
    evenSample(texts, 500).map(({ text, pair = '' }) => backbone.tokenizer.ids(text).length + backbone.tokenizer.ids(pair).length + 2)
  const run = {
    settings,
    backbone,
    lengths: { train: lengths(data.train), valid: lengths(data.valid) },
    examples: { train: data.train.length, valid: data.valid.length },
    speed: await measuredSpeed(backbone.config, beside > 1 ? 1 : threads),
  }
  // how many runs one after the other
  const turns = Math.ceil(seeds / beside)
  const seconds = turns * estimatedSeconds(run)
  const about = `about ${duration(seconds)} on this machine${seeds > 1 ? ` for ${seeds} seeds` : ''}`
  if (seconds < longRun) return named('time', about)
  const frozen = estimatedSeconds({ ...run, settings: { ...settings, scheme: 'frozen', pooling: 'mean' } })
  const ways = [
    ...(settings.epochs > 1 ? [`--epochs 1 (${duration(seconds / settings.epochs)})`] : []),
    ...(settings.scheme === 'full' ? [`--scheme frozen (${duration(turns * frozen)})`] : []),
    'fewer examples',
  ]
  return named('time', `${about}; shorter: ${ways.join(', ')}. ^C saves, --resume goes on`)
}

/** What a recipe's name stands for. @throws where a strength is given to one without a regularizer. */
function recipeOf({ recipe, strength }: Pick<AdaptRun, 'recipe' | 'strength'>): Partial<AdaptSettings> {
  if (recipe === undefined || recipe === 'tutorial') {
    if (strength !== undefined) throw new Error(`--strength ${strength}: only recipes that pull have one; add --recipe l2-sp or --recipe ewc`)
    return recipe === undefined ? {} : tutorialSettings
  }
  return { ...(recipe === 'tutorial-multitask' ? { ...tutorialSettings, epochs: 6 } : {}), recipe: namedRecipe(recipe, strength) }
}

const settingNames = [
  'scheme',
  'pooling',
  'epochs',
  'batch',
  'rate',
  'headFactor',
  'warmup',
  'dropout',
  'clip',
  'weightDecay',
  'maxLength',
  'seed',
  'keep',
  'patience',
  'classWeights',
  'thresholds',
] as const satisfies readonly (keyof AdaptSettings & keyof AdaptRun)[]

/** The settings among a run's options. */
const settingsOf = (run: AdaptRun): Partial<AdaptSettings> =>
  Object.fromEntries(settingNames.flatMap((name) => (run[name] === undefined ? [] : [[name, run[name]]])))

async function readRun(out: string, given: Record<string, unknown>): Promise<AdaptRun> {
  await settleFolder(out)
  const file = join(out, 'training', 'run.json')
  if (!existsSync(file)) throw new Error(`${out}: no run was started here, so there is none to resume; start a new one`)
  const run = JSON.parse(readFileSync(file, 'utf8')) as AdaptRun
  if (run.command !== 'adapt')
    throw new Error(`${out}: the run in this folder is a pretraining run; go on with it by thaw pretrain --resume --out ${shellWord(out)}`)
  // more seeds than the run began with are added to it
  const more = typeof given.seeds === 'number' && given.seeds > (run.seeds ?? 1) ? { seeds: given.seeds } : {}
  refuseChanges(given, { ...run, ...more }, out)
  if ('seeds' in more) {
    Object.assign(run, more)
    await replaceFile(file, JSON.stringify(run, undefined, 2))
    await rm(join(out, 'training', 'report.json'), { force: true })
  }
  return run
}

async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.tmp`, text)
  await rename(`${path}.tmp`, path)
}
