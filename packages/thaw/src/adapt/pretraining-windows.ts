// Text as single windows with what a checkpoint's own pretraining loss asks of them: what Fisher information and forgetting are measured on.

import { framing, maskedFeeds } from '../pretrain/objectives/masked-graph.js'
import { maskingRules, maskTokens, placeCount } from '../pretrain/objectives/masking.js'
import { hash, random } from '../text/random.js'
import type { Backbone } from './backbone.js'

export interface Windows {
  /** How many there are. */
  count: number
  feeds(index: number): Record<string, { data: Int32Array; shape: readonly number[] }>
}

/** All texts one after the other as ids, each closed by the end-of-text token. */
function joined({ tokenizer }: Backbone, texts: readonly string[]): Int32Array {
  const end = (tokenizer.special.eos ?? tokenizer.special.sep ?? tokenizer.special.bos)?.id
  const ids: number[] = []
  for (const text of texts) {
    for (const id of tokenizer.ids(text)) ids.push(id)
    if (end !== undefined) ids.push(end)
  }
  return Int32Array.from(ids)
}

function countOf(what: string, ids: Int32Array, length: number): number {
  const count = Math.floor(ids.length / length)
  if (count === 0)
    throw new Error(`${what}: the text has ${ids.length} tokens, fewer than one window of ${length}; give more text, or a shorter window`)
  return count
}

/** Each token predicted from those before it: `time` predictions a window. */
function causalWindows(what: string, backbone: Backbone, texts: readonly string[], time: number): Windows {
  const ids = joined(backbone, texts)
  const shape = [1, time]
  return {
    count: countOf(what, ids, time + 1),
    feeds(index) {
      const window = ids.subarray(index * (time + 1), (index + 1) * (time + 1))
      return { ids: { data: window.slice(0, time), shape }, targets: { data: window.slice(1), shape } }
    },
  }
}

/** 15 % of a window's tokens guessed, framed as texts are. */
function maskedWindows(what: string, backbone: Backbone, texts: readonly string[], time: number, seed: number): Windows {
  const { tokenizer } = backbone
  const rules = maskingRules(tokenizer, { share: 0.15, wholeWords: false })
  const frame = framing(tokenizer)
  const ids = joined(backbone, texts)
  const length = time - frame.extra
  return {
    count: countOf(what, ids, length),
    feeds(index) {
      const rows = frame.rows([ids.subarray(index * length, (index + 1) * length)])
      const chosen = maskTokens(rows, time, placeCount(time, rules.share), rules, random(hash(seed, index)))
      return maskedFeeds(chosen, [1, time]) as ReturnType<Windows['feeds']>
    },
  }
}

/**
 * The windows of texts, `time` tokens each, as feeds of the causal or the masked graph. Masks are a function of (seed, index).
 *
 * @throws where the text is shorter than a window; `what` begins the message.
 */
export const pretrainingWindows = (
  what: string,
  backbone: Backbone,
  texts: readonly string[],
  { time, seed }: { time: number; seed: number },
): Windows => (backbone.config.causal ? causalWindows(what, backbone, texts, time) : maskedWindows(what, backbone, texts, time, seed))
