// Which tokens a masked model has to guess, and what it sees in their place (Devlin et al. 2019, section 3.1 and appendix A.1): 15 % of the tokens are
// chosen; of these 80 % become [MASK], 10 % another token, 10 % stay. Whole-word masking (2019, in BERT's code) chooses words instead of tokens.

import type { Random } from '../../text/random.js'
import type { Tokenizer } from '../../text/tokenizer/index.js'
import { wordJoiner } from '../../text/word-joiner.js'
import { ignored } from './objective.js'

export interface MaskingRules {
  /** Share of the tokens to choose. */
  share: number
  /** The id that stands for a hidden token. */
  mask: number
  /** 1 for ids that are never chosen. */
  special: Uint8Array // [vocabulary]
  /** The ids that may stand in for another. */
  ordinary: Int32Array
  /** Of the chosen tokens, the share that becomes [MASK], and the share that becomes another token. */
  hide: number
  swap: number
  /** Whole words: whether an id goes on with the word of the id before it. */
  joins?: (previous: number, id: number) => boolean
}

/** BERT's rules for a tokenizer. @throws where it has no mask token. */
export function maskingRules(tokenizer: Tokenizer, { share, wholeWords }: { share: number; wholeWords: boolean }): MaskingRules {
  const { mask } = tokenizer.special
  if (!mask) throw new Error("masking: the tokenizer has no mask token; add one: tokenizer.addTokens(['[MASK]'], { special: true })")
  const special = specialIds(tokenizer)
  const ordinary = Int32Array.from(special.keys()).filter((id) => special[id] === 0)
  return { share, mask: mask.id, special, ordinary, hide: 0.8, swap: 0.1, ...(wholeWords ? { joins: wordJoiner(tokenizer) } : {}) }
}

function specialIds(tokenizer: Tokenizer): Uint8Array {
  const special = new Uint8Array(tokenizer.size)
  const { added_tokens: added = [] } = tokenizer.toJSON() as { added_tokens?: { id: number; special?: boolean }[] }
  for (const token of added) if (token.special) special[token.id] = 1
  for (const { id } of Object.values(tokenizer.special)) special[id] = 1
  return special
}

/** Places that are chosen among so many tokens. */
export const placeCount = (tokens: number, share: number): number => Math.max(1, Math.round(share * tokens))

export interface Masked {
  /** What the model sees. */
  ids: Int32Array
  /** Where it has to guess: indices into ids, ascending; places that are left over are 0. */
  places: Int32Array // [places]
  /** The true tokens there; −100 at places that are left over. */
  targets: Int32Array // [places]
}

/**
 * Chooses round(share · tokens) places of rows of ids and masks them. There are `room` places in all, so that every batch has one shape.
 *
 * Ids below 0 are padding: they are no tokens, and become 0. Fewer places are chosen where there are fewer tokens that may be.
 */
export function maskTokens(rows: Int32Array, time: number, room: number, rules: MaskingRules, random: Random): Masked {
  const ids = rows.slice()
  const free: number[] = []
  let tokens = 0
  ids.forEach((id, i) => {
    if (id < 0) ids[i] = 0
    else {
      tokens++
      if (rules.special[id] === 0) free.push(i)
    }
  })
  const wanted = Math.min(placeCount(tokens, rules.share), room, free.length)
  const chosen = rules.joins ? wholeWords(rows, time, free, wanted, rules.joins, random) : someOf(free, wanted, random)
  const places = new Int32Array(room)
  const targets = new Int32Array(room).fill(ignored)
  chosen
    .sort((a, b) => a - b)
    .forEach((place, i) => {
      places[i] = place
      targets[i] = rows[place]!
      const kind = random.next()
      if (kind < rules.hide) ids[place] = rules.mask
      else if (kind < rules.hide + rules.swap) ids[place] = rules.ordinary[random.integer(rules.ordinary.length)]!
    })
  return { ids, places, targets }
}

/** `count` elements, each set of them equally likely. */
function someOf(list: number[], count: number, random: Random): number[] {
  for (let i = 0; i < count; i++) {
    const j = i + random.integer(list.length - i)
    const held = list[i]!
    list[i] = list[j]!
    list[j] = held
  }
  return list.slice(0, count)
}

/** Words in random order until there are `count` tokens; a word that would be too much is passed over. */
function wholeWords(
  rows: Int32Array,
  time: number,
  free: readonly number[],
  count: number,
  joins: (previous: number, id: number) => boolean,
  random: Random,
): number[] {
  const words: number[][] = []
  for (const place of free) {
    const word = words.at(-1)
    if (word && word.at(-1) === place - 1 && place % time !== 0 && joins(rows[place - 1]!, rows[place]!)) word.push(place)
    else words.push([place])
  }
  const chosen: number[] = []
  for (const word of random.shuffle(words)) {
    if (chosen.length === count) break
    if (chosen.length + word.length <= count) chosen.push(...word)
  }
  return chosen
}
