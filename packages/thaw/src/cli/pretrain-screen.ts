// How a pretraining run looks while it runs, and what it reports at its end.

import { count, duration } from '../log/format.js'
import { type Progress, progress } from '../log/progress.js'
import { statusLine } from '../log/status.js'
import type { PerplexityReport } from '../pretrain/perplexity.js'
import type { PretrainEvent, PretrainReport } from '../pretrain/pretrain.js'
import type { PretrainSettings } from '../pretrain/settings.js'
import type { TokenizerKind } from '../text/tokenizer/index.js'
import { named, percent, say, shortNumber } from './screen.js'

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
      status.show(named(purpose === 'tokenizer' ? 'tokenizer' : 'corpus', purpose === 'tokenizer' ? `training: ${part}` : `tokenizing: ${part}`))
    },
    tokenizer: ({ tokenizerKind, size, trained }) =>
      line('tokenizer', `${tokenizerNames[tokenizerKind]}, ${count(size)} entries${trained ? `, trained on the text${took()}` : ''}`),
    model({ parameters, config }) {
      const shape = `${config.layers} layers × ${config.hidden}, ${config.heads} heads, ${config.positions} positions`
      line('model', `${shape}, ${count(parameters)} parameters`)
    },
    corpus: ({ tokens, words, documents }) =>
      line('corpus', `${count(tokens)} tokens, ${count(words)} words, ${count(documents)} document${documents === 1 ? '' : 's'}${took()}`),
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
      bar?.print(
        named(
          'validation',
          `step ${count(step)}: loss ${loss}, perplexity ${[`${report.perToken.toFixed(1)} per token`, `${count(report.perWord)} per word`, ...otherMeasures(report)].join(', ')}`,
        ),
      )
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

/** What an objective predicts, and what it does with the marks between texts. */
const predictions: Record<PretrainSettings['objective'], { predicted: string; marks: string }> = {
  causal: { predicted: 'tokens', marks: 'end-of-text marks are predicted and count in the loss; they are no words' },
  masked: {
    predicted: 'masked tokens, the same ones at each validation',
    marks: 'counted are as many words as tokens are masked, in proportion; special tokens never are',
  },
}

/** What else a validation measured: `nextSentenceAccuracy 0.912`. */
const otherMeasures = ({ others = {} }: PerplexityReport): string[] => Object.entries(others).map(([name, value]) => `${name} ${value.toFixed(3)}`)

/** The report of a finished run, as text. */
export function pretrainSummary(report: PretrainReport, settings: PretrainSettings, out: string): string {
  const { steps, tokens, seconds, validation, heldOut, tokenizer } = report
  const lines = [named('pretrained', `${count(steps)} steps, ${count(tokens)} tokens in ${duration(seconds)}: ${out}`)]
  if (!validation) return lines[0]!
  const text = settings.valid ? settings.valid.join(', ') : 'the end of the text, which is not trained on'
  const { predicted, marks } = predictions[settings.objective]
  const unknownShare = percent(heldOut.unknown / (heldOut.to - heldOut.from))
  const unknown: Record<TokenizerKind, string> = {
    bpe: '<unk> does not exist: byte-level BPE spells every word; one that is written in the text is spelt too',
    wordpiece: `[UNK] is predicted like any token (${unknownShare} of the tokens); its words are never spelt, which flatters the perplexity`,
    wordlevel: `<unk> is predicted like any token (${unknownShare} of the tokens); its words are never spelt, which flatters the perplexity`,
    unigram: `<unk> is predicted like any token (${unknownShare} of the tokens)`,
  }
  lines.push(
    named(
      'perplexity',
      `${validation.perToken.toFixed(2)} per token = exp(${(validation.loss / validation.tokens).toFixed(4)} nats), over ${count(validation.tokens)} ${predicted}`,
    ),
    named(
      '',
      `${validation.perWord.toFixed(1)} per word = exp(${Math.round(validation.loss).toLocaleString('en-US')} nats / ${Math.round(validation.words).toLocaleString('en-US')} words)`,
    ),
    named('', `on ${text}, as it is read: nothing was tokenized before, so nothing is detokenized`),
    named(
      '',
      `a word is what stands between white space${heldOut.exact ? '' : ' (their number is estimated from that of the whole text)'}; ${marks}`,
    ),
    named('', unknown[tokenizer.kind]),
    ...otherMeasures(validation).map((measure) => named('', measure)),
  )
  return lines.join('\n')
}
