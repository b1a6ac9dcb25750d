// How a pretraining run looks while it runs.

import { count, duration } from '../log/format.js'
import { type Progress, progress } from '../log/progress.js'
import { statusLine } from '../log/status.js'
import type { PretrainEvent } from '../pretrain/pretrain.js'
import type { TokenizerKind } from '../text/tokenizer/index.js'
import { shortList } from './adapt-screen.js'
import { otherMeasures } from './pretrain-summary.js'
import { named, say, shortNumber } from './screen.js'

export const tokenizerNames: Record<TokenizerKind, string> = {
  bpe: 'byte-level BPE',
  wordpiece: 'WordPiece',
  unigram: 'Unigram',
  wordlevel: 'words',
}

export interface PretrainScreen {
  event(event: PretrainEvent): void
  /** A line that stays, above the bar. */
  say(line: string): void
  /** Leaves the screen tidy, whatever happened. */
  end(): void
}

/** Shows a run's events on stderr. `onPlan` hears of the moment from which on there is something to save. */
export function pretrainScreen(onPlan: () => void): PretrainScreen {
  const status = statusLine(process.stderr)
  let bar: Progress | undefined
  let began = performance.now()
  let smooth: { sum: number; weight: number } = { sum: 0, weight: 0 }
  let last = 0
  const line = (name: string, text: string) => {
    status.clear()
    say(named(name, text))
    began = performance.now()
  }
  const took = () => {
    const seconds = (performance.now() - began) / 1000
    return seconds < 0.2 ? '' : `, ${duration(seconds)}`
  }
  const show: { [K in PretrainEvent['kind']]: (event: Extract<PretrainEvent, { kind: K }>) => void } = {
    read({ purpose, bytesRead, bytesTotal }) {
      const part =
        bytesTotal === undefined ? `${count(bytesRead / 1e6)} MB` : `${Math.round((100 * bytesRead) / Math.max(1, bytesTotal))} % of the text read`
      status.show(named(purpose === 'tokenizer' ? 'tokenizer' : 'corpus', purpose === 'tokenizer' ? `training: ${part}` : `tokenizing: ${part}`, {}))
    },
    tokenizer: ({ tokenizerKind, size, trained }) =>
      line('tokenizer', `${tokenizerNames[tokenizerKind]}, ${count(size)} entries${trained ? `, trained on the text${took()}` : ''}`),
    model({ parameters, config }) {
      const shape = `${config.layers} layer${config.layers === 1 ? '' : 's'} × ${config.hidden}, ${config.heads} heads, ${config.positions} positions`
      line('model', `${shape}, ${count(parameters)} parameters`)
    },
    vectors: ({ found, of, dimensions }) => line('vectors', `${count(found)} of ${count(of)} tokens start from vectors of ${dimensions} numbers`),
    loaded({ from, report }) {
      const { loaded, missing, unexpected } = report
      const rest = [missing.length > 0 ? `new: ${shortList(missing)}` : '', unexpected.length > 0 ? `not used: ${shortList(unexpected)}` : ''].filter(
        (text) => text !== '',
      )
      line('start', [`${count(loaded.length)} parameters from ${from}`, ...rest].join('; '))
    },
    corpus({ tokens, words, documents }) {
      line('corpus', `${count(tokens)} tokens, ${count(words)} words, ${count(documents)} document${documents === 1 ? '' : 's'}${took()}`)
      status.show(named('run', 'building the model, timing a step', {}))
    },
    plan({ settings, steps, from, warmup, epochs, tokensPerStep, secondsPerStep }) {
      const schedule = `${settings.schedule} from ${shortNumber(settings.rate)}${warmup > 0 ? ` after ${count(warmup)} steps of warm-up` : ', no warm-up'}`
      const size = `${count(steps)} steps of ${count(tokensPerStep)} tokens (${Number(epochs.toPrecision(2))} epochs)`
      line('run', `${size}, ${schedule}`)
      const left = duration((steps - from) * secondsPerStep)
      line(
        'time',
        from > 0 ? `goes on after step ${count(from)}; about ${left} to go` : `about ${left}, at ${count(tokensPerStep / secondsPerStep)} tokens/s`,
      )
      bar = progress(process.stderr, { label: 'pretrain', total: steps, from, interval: 10 })
      last = from
      onPlan()
    },
    step({ step, loss, tokens }) {
      // the mean over the last twenty steps or so: single losses jump
      smooth = { sum: 0.95 * smooth.sum + loss, weight: 0.95 * smooth.weight + 1 }
      last = step
      bar?.update(step, { loss: smooth.sum / smooth.weight, tokens })
    },
    validation({ step, report }) {
      const loss = (report.loss / report.tokens).toFixed(3)
      bar?.update(last, { note: '' })
      bar?.print(
        named(
          'validation',
          `step ${count(step)}: loss ${loss}, perplexity ${[`${report.perToken.toFixed(1)} per token`, `${count(report.perWord)} per word`, ...otherMeasures(report)].join(', ')}`,
        ),
      )
    },
    validating() {
      bar?.update(last, { note: 'validating' })
    },
    saved() {},
  }
  return {
    event: (event) => (show[event.kind] as (event: PretrainEvent) => void)(event),
    say: (text) => (bar ? bar.print(text) : say(text)),
    end() {
      status.clear()
      if (last > 0) bar?.done()
      bar = undefined
    },
  }
}
