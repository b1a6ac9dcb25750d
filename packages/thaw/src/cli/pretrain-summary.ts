// What a pretraining run reports at its end: the perplexities with their denominators, and what was done to the text (Mielke 2019: without these two
// numbers of different models do not compare).

import { count, duration } from '../log/format.js'
import type { PerplexityReport } from '../pretrain/perplexity.js'
import type { PretrainReport } from '../pretrain/pretrain.js'
import type { PretrainSettings } from '../pretrain/settings.js'
import type { TokenizerKind } from '../text/tokenizer/index.js'
import { namedResult, percent } from './screen.js'

/** What else a validation measured: `nextSentenceAccuracy 0.912`. */
export const otherMeasures = ({ others = {} }: PerplexityReport): string[] =>
  Object.entries(others).map(([name, value]) => `${name} ${value.toFixed(3)}`)

const maskedMarks = 'counted are as many words as tokens are masked, in proportion; special tokens never are'

/** What an objective predicts, and what it does with the marks between texts. */
const predictions: Record<PretrainSettings['objective'], { predicted: string; marks: string }> = {
  causal: { predicted: 'tokens', marks: 'end-of-text marks are predicted and count in the loss, but are no words' },
  masked: { predicted: 'masked tokens, the same ones at each validation', marks: maskedMarks },
  replaced: { predicted: 'masked tokens, the same ones at each validation, guessed by the generator, which is not kept', marks: maskedMarks },
}

/** The report of a finished run, as text. */
export function pretrainSummary(report: PretrainReport, settings: PretrainSettings, out: string): string {
  const { steps, tokens, seconds, validation, heldOut, tokenizer } = report
  const first = namedResult('pretrained', `${count(steps)} steps, ${count(tokens)} tokens in ${duration(seconds)}: ${out}`)
  if (!validation) return first
  const whole = (value: number) => Math.round(value).toLocaleString('en-US')
  const { predicted, marks } = predictions[settings.objective]
  const text = settings.valid ? settings.valid.join(', ') : 'the end of the text, which is not trained on'
  const lines = [
    `${validation.perToken.toFixed(2)} per token = exp(${(validation.loss / validation.tokens).toFixed(4)} nats), over ${whole(validation.tokens)} ${predicted}`,
    `${validation.perWord.toFixed(1)} per word = exp(${whole(validation.loss)} nats / ${whole(validation.words)} words)`,
    `on ${text}, as it is read: nothing was tokenized before, so nothing is detokenized`,
    `a word is what stands between white space${heldOut.exact ? '' : ' (their number is estimated from that of the whole text)'}; ${marks}`,
    unknownWords(tokenizer.kind, heldOut.unknown / (heldOut.to - heldOut.from)),
    ...otherMeasures(validation),
  ]
  return [first, ...lines.map((line, i) => namedResult(i === 0 ? 'perplexity' : '', line))].join('\n')
}

function unknownWords(kind: TokenizerKind, share: number): string {
  if (kind === 'bpe') return '<unk> does not exist: byte-level BPE spells every word; one that is written in the text is spelt too'
  return `unknown words are predicted as one token (${percent(share)} of the tokens) and never spelt, which flatters the perplexity`
}
