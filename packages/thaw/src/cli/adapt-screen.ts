// How an adaptation looks while it runs: what is done with which parameters, the bar, a line for each epoch.

import type { AdaptEvent, AdaptSettings, Backbone } from '../adapt/index.js'
import { enoughSteps } from '../adapt/settings.js'
import { count, counted, duration } from '../log/format.js'
import { type Progress, progress } from '../log/progress.js'
import { statusLine } from '../log/status.js'
import { named, percent, say, shortNumber } from './screen.js'

export type Plan = Extract<AdaptEvent, { kind: 'plan' }>

/** What the recipe does: what trains, for how long, at which rate, with which regularizers. */
export function describeRecipe(
  { settings, steps, trained, parameters }: Pick<Plan, 'settings' | 'steps' | 'trained' | 'parameters'>,
  examples: number,
  epochsChosen: boolean,
): string[] {
  const perEpoch = Math.ceil(steps / settings.epochs)
  const { pooling, epochs, batch, rate, headFactor, warmup, dropout, weightDecay, clip } = settings
  return [
    `${whatTrains(settings)}: ${count(trained)} of ${count(parameters)} parameters are trained`,
    `${counted(steps, 'step')}: ${counted(epochs, 'epoch')} of ${counted(perEpoch, 'batch', 'batches')} of ${batch}, from ${counted(examples, 'example')}${epochsChosen ? ` (epochs chosen so that few examples, too, get ${enoughSteps} steps)` : ''}`,
    `AdamW, rate ${shortNumber(rate)}${headFactor === 1 ? '' : ` (head ${shortNumber(rate * headFactor)})`} after ${counted(warmup, 'step')} of warm-up, then linear to 0`,
    `pooling ${pooling}, dropout ${dropout}, weight decay ${weightDecay}, ${clip > 0 ? `gradients clipped at ${clip}` : 'no clipping'}, seed ${settings.seed}${furtherSettings(settings)}`,
  ]
}

/** What the recipe does with which parameters, in lines. */
export function describePlan(plan: Plan, backbone: Backbone, examples: number, epochsChosen: boolean): string[] {
  const { settings, truncated, load, stages } = plan
  const lines = [
    ...describeRecipe(plan, examples, epochsChosen).map((line, i) => named(i === 0 ? 'recipe' : '', line)),
    named('parameters', `${count(load.loaded.length)} of ${count(backbone.parameters.size)} loaded from ${backbone.source}`),
    named('', `new: ${shortList(load.fresh)}`),
    named('', `unused: ${shortList(load.unused)}${settings.scheme === 'scratch' ? ' (from scratch: nothing is loaded)' : ''}`),
  ]
  for (const [i, stage] of stages.entries()) lines.push(named(i === 0 ? 'stages' : '', stage))
  if (truncated > 0) lines.push(named('', cutTexts(truncated, settings.maxLength, backbone.config.positions)))
  return lines
}

const furtherSettings = ({ keep, patience, classWeights, thresholds }: AdaptSettings): string => {
  const weights = classWeights === 'balanced' ? classWeights : Object.entries(classWeights ?? {}).map(([label, weight]) => `${label} ${weight}`)
  return [
    ...(classWeights ? [`class weights ${String(weights)}`] : []),
    ...(keep === 'last' ? ['keeps the last epoch'] : []),
    ...(patience ? [`ends after ${patience} epoch${patience === 1 ? '' : 's'} without a better one`] : []),
    ...(thresholds ? ['thresholds chosen on the validation examples'] : []),
  ]
    .map((text) => `, ${text}`)
    .join('')
}

/** `; training: task 0.52, language 5.31`, where the loss has parts. */
const partsOf = (losses: Readonly<Record<string, number>>): string => {
  const parts = Object.entries(losses).map(([name, value]) => `${name.replace(/Loss$/, '')} ${value.toFixed(3)}`)
  return parts.length === 0 ? '' : `; training: ${parts.join(', ')}`
}

/** Scores that are shares, and how they are called. */
const shares: Readonly<Record<string, string>> = { accuracy: 'accuracy', microF1: 'micro-F1', macroF1: 'macro-F1' }

/** `accuracy 91.2 %, macro-F1 90.8 %`; correlations as they are. */
const formatEpochScores = (scores: Readonly<Record<string, number>>): string =>
  Object.entries(scores)
    .map(([name, value]) => (name in shares ? `${shares[name]} ${percent(value)}` : `${name} ${value.toFixed(3)}`))
    .join(', ')

function cutTexts(texts: number, limit: number, positions: number): string {
  const more = limit < positions ? `; --max-length reads up to ${count(positions)}, in more time` : ''
  return `${counted(texts, 'training text is', 'training texts are')} cut at ${limit} tokens${more}`
}

const whatTrains = ({ scheme, pooling, recipe }: AdaptSettings): string => {
  if (recipe) return recipe.ingredients.map(({ name }) => name).join(', ')
  if (scheme === 'scratch') return 'scratch: everything, from random values'
  if (scheme === 'full') return 'full: everything'
  return pooling === 'clf' ? 'frozen: the head and the row of [CLF]' : 'frozen: the head, on a learned mix of all layers'
}

/** Paths, those of one layer or norm together: `heads.classification.{weight,bias}`, `layers.#… (64)`. */
export function shortList(paths: readonly string[]): string {
  if (paths.length === 0) return 'none'
  const groups = new Map<string, string[]>()
  for (const path of paths) {
    const layered = /^layers\.\d+\./.test(path)
    const cut = path.lastIndexOf('.')
    const key = layered ? 'layers.*' : path.slice(0, cut)
    groups.set(key, [...(groups.get(key) ?? []), path.slice(cut + 1)])
  }
  const texts = [...groups].map(([key, ends]) =>
    key === 'layers.*' ? `layers.* (${ends.length})` : ends.length === 1 ? `${key}.${ends[0]}` : `${key}.{${ends.join(',')}}`,
  )
  return texts.length > 8 ? `${texts.slice(0, 8).join(', ')} and ${texts.length - 8} more` : texts.join(', ')
}

export interface AdaptScreen {
  event(event: AdaptEvent): void
  say(line: string): void
  end(): void
}

/** Shows a run's events on stderr. `onPlan` hears of the plan, and prints what it wants of it. */
export function adaptScreen(label: string, onPlan: (plan: Plan) => void): AdaptScreen {
  const status = statusLine(process.stderr)
  let bar: Progress | undefined
  let smooth = { sum: 0, weight: 0 }
  let moved = false
  let start = () => {}
  const show: { [K in AdaptEvent['kind']]: (event: Extract<AdaptEvent, { kind: K }>) => void } = {
    plan(plan) {
      onPlan(plan)
      if (plan.from > 0) say(named('run', `goes on after step ${count(plan.from)} of ${count(plan.steps)}`))
      start = () => {
        bar = progress(process.stderr, { label, total: plan.steps, from: plan.from, interval: 10 })
      }
      if (plan.settings.scheme === 'frozen' && plan.settings.pooling === 'mean')
        status.show(named('features', 'the frozen backbone reads the texts once', {}))
      else start()
    },
    features({ texts, seconds }) {
      status.clear()
      start()
      say(named('features', `the frozen backbone has read ${count(texts)} texts, ${duration(seconds)}`))
    },
    step({ step, loss, tokens }) {
      smooth = { sum: 0.95 * smooth.sum + loss, weight: 0.95 * smooth.weight + 1 }
      moved = true
      bar?.update(step, { loss: smooth.sum / smooth.weight, tokens })
    },
    epoch({ epoch, epochs, scores: found, loss, losses, best }) {
      const scores = `${formatEpochScores(found)}, loss ${loss.toFixed(3)}${partsOf(losses)}`
      bar?.print(named('validation', `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}: ${scores}${best ? '  best so far' : ''}`))
    },
    cache({ site, texts, bytes, spilled, seconds, dropoutDifference }) {
      const size = `${(bytes / 1e6).toFixed(1)} MB${spilled > 0 ? `, ${(spilled / 1e6).toFixed(1)} of them on disk` : ''}`
      const dropped = dropoutDifference > 0 ? `; their dropout would move it by ${percent(dropoutDifference)}` : ''
      const line = named('frozen', `${site} and what is below: computed once for ${count(texts)} texts (${size}), ${duration(seconds)}${dropped}`)
      if (bar) bar.print(line)
      else say(line)
    },
    saved() {},
  }
  return {
    event: (event) => (show[event.kind] as (event: AdaptEvent) => void)(event),
    say: (text) => (bar ? bar.print(text) : say(text)),
    end() {
      status.clear()
      if (moved) bar?.done()
      bar = undefined
    },
  }
}
