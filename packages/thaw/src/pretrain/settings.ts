// What a pretraining run is asked to do, with defaults, as one plain value that is kept beside its results: a resumed run reads it back.

import { type TransformerConfig, validateConfig } from '../models/config.js'
import { configOf, type SizeName, sizes } from '../models/sizes.js'

/** What can be learnt; see objectives/index.ts. */
export const objectives = ['causal', 'masked', 'replaced'] as const
export type ObjectiveName = (typeof objectives)[number]

export const schedules = ['cosine', 'inverse-square-root', 'linear', 'constant'] as const
export type ScheduleName = (typeof schedules)[number]

export const optimizers = ['adamw', 'muon'] as const
export type OptimizerName = (typeof optimizers)[number]

/** What a document is; see `readDocuments`. */
export const documentKinds = ['articles', 'blank-lines', 'line', 'file'] as const

export interface PretrainSettings {
  /** Files, globs or `-` (standard input); `.gz` and `.br` are unpacked. */
  text: string[]
  /** Held-out text; without it the last 2 % of the tokens. */
  valid?: string[]
  objective: ObjectiveName
  /** masked, replaced: share of the tokens to guess. Default 0.15. */
  maskShare?: number
  /** masked, replaced: whole words are hidden instead of single tokens. Default false. */
  wholeWords?: boolean
  /** masked: next-sentence prediction as a second objective. Default false. */
  nextSentence?: boolean
  /**
   * masked: folder of a published encoder whose hidden states are learnt beside the hidden tokens (distillation). Unless there are `vectors`, the
   * token embeddings start from what it makes of each word by itself.
   */
  teacher?: string
  /** masked: BERT's transform and bias before the tied table. Default true. */
  headTransform?: boolean
  size: SizeName
  /** Changes to the size's configuration: dropout, positions, … */
  config?: Partial<TransformerConfig>
  /** A tokenizer's folder or file; without it one is trained on the text, or that of `from` is taken. */
  tokenizer?: string
  /** A checkpoint to go on from: its configuration, tokenizer and values. What it has no values for (another objective's head) starts anew. */
  from?: string
  /** Word vectors to start the token embeddings from, in GloVe's text form; see `startFromVectors`. */
  vectors?: string
  /** Root mean square of the embeddings that start from vectors. */
  vectorsStd: number
  /** Ids of a trained tokenizer. Default: the size's. */
  vocabulary: number
  documents: (typeof documentKinds)[number]
  /** Length of the run: one of these. Default one epoch. */
  steps?: number
  minutes?: number
  epochs?: number
  batch: number
  /** Tokens in a window. Default: the size's positions. */
  time: number
  microsteps: number
  /** AdamW for everything, or Muon for the matrices inside the network and AdamW for the rest. */
  optimizer: OptimizerName
  /** Peak rate. */
  rate: number
  /** Steps of linear warm-up; default 2 % of the steps, at most 1,000. */
  warmup?: number
  schedule: ScheduleName
  clip: number
  weightDecay: number
  seed: number
  /** Seconds between saves. */
  saveEvery: number
  /** Steps between validations; by default twenty in a run, fewer where they would take more than a tenth of its time. */
  validateEvery?: number
}

/** Fills in defaults and checks what was given. `model`: that of the checkpoint it goes on from. @throws naming the setting. */
export function pretrainSettings(given: Partial<PretrainSettings> & { text: string[] }, model?: TransformerConfig): PretrainSettings {
  const size = given.size ?? 'tiny'
  if (!(size in sizes)) throw new Error(`size ${JSON.stringify(size)}: expected one of ${Object.keys(sizes).join(', ')}`)
  const config = model ?? validateConfig(configOf(size, given.config))
  const settings: PretrainSettings = {
    objective: 'causal',
    documents: 'blank-lines',
    vocabulary: sizes[size].vocabulary,
    batch: 16,
    time: config.positions,
    microsteps: 1,
    vectorsStd: 0.1,
    optimizer: 'adamw',
    rate: size === 'tutorial' ? 2.5e-4 : 1e-3,
    schedule: 'cosine',
    clip: 1,
    weightDecay: 0.01,
    seed: 1,
    saveEvery: 60,
    ...given,
    size,
  }
  const lengths = [given.steps, given.minutes, given.epochs].filter((x) => x !== undefined).length
  if (lengths > 1) throw new Error('steps, minutes and epochs: give one of them, not several')
  if (lengths === 0) settings.epochs = 1
  if (settings.from && (given.tokenizer ?? given.vectors ?? given.config) !== undefined)
    throw new Error('from: a checkpoint brings its own configuration, tokenizer and embeddings; leave out config, tokenizer and vectors')
  if (settings.objective === 'causal' && config.embedding !== undefined && config.embedding !== config.hidden)
    throw new Error(
      `config: embedding ${config.embedding}: a causal model's embeddings are as wide as its layers, ${config.hidden}; leave embedding out`,
    )
  if (settings.teacher && (settings.objective !== 'masked' || settings.nextSentence))
    throw new Error(
      `teacher: goes with the objective masked, without next sentences; here the objective is ${settings.objective}${settings.nextSentence ? ' with next sentences' : ''}`,
    )
  if (settings.text.length === 0) throw new Error('text: no files given; name text files, globs, or - for standard input')
  if (settings.valid?.includes('-')) throw new Error('valid: standard input can be given as the text only; name a file')
  const known = model !== undefined || settings.from === undefined
  if (known && settings.time > config.positions)
    throw new Error(`time ${settings.time}: the model has ${config.positions} positions; give a shorter time, or more positions`)
  check(settings)
  return settings
}

const mayBeZero = ['weightDecay', 'seed', 'clip', 'warmup']
const whole = ['vocabulary', 'steps', 'batch', 'time', 'microsteps', 'warmup', 'seed', 'validateEvery']
const choices: Record<string, readonly string[]> = {
  objective: objectives,
  schedule: schedules,
  documents: documentKinds,
  optimizer: optimizers,
}

function check(settings: PretrainSettings): void {
  for (const [name, value] of Object.entries(settings)) {
    const allowed = choices[name]
    if (allowed && !allowed.includes(value as string)) throw new Error(`${name} ${JSON.stringify(value)}: expected one of ${allowed.join(', ')}`)
    if (typeof value !== 'number') continue
    const low = mayBeZero.includes(name) ? value < 0 : value <= 0
    if (!Number.isFinite(value) || low || (whole.includes(name) && !Number.isInteger(value)))
      throw new Error(
        `${name} ${value}: expected a ${whole.includes(name) ? 'whole ' : ''}number ${mayBeZero.includes(name) ? 'of at least' : 'above'} 0`,
      )
  }
}
