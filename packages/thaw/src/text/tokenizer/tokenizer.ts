// The tokenizer: added tokens → normalizer → words → model → template, after Hugging Face's pipeline, with offsets kept through each stage.

import { saveTokenizer } from '#save-tokenizer'
import { type Section, type Sectioner, sectioner } from './added.js'
import { detached } from './detached.js'
import type { TokenizerJson } from './json.js'
import { libraryDecoder } from './library.js'
import { createModel, type WordTokens } from './model.js'
import { type Aligned, aligned, normalize, normalizeAligned, normalizerSteps } from './normalize.js'
import { configToken, findSpecial } from './special.js'
import { splitStages, splitWords } from './split.js'
import { createTemplate, shares } from './template.js'
import type { EncodeOptions, Encoding, Tokenizer } from './types.js'

/** Tokens of one text, before special ones are put around them. */
interface Body {
  ids: number[]
  offsets: [number, number][]
}

const cacheLimit = 100_000
const cachedLength = 64

/**
 * A tokenizer from a checked tokenizer.json (see `checkTokenizerJson`) and a parsed tokenizer_config.json, if there is one.
 * Both objects are copied where they change. Throws where a component is of a type it does not know, naming the key.
 */
export function createTokenizer(source: TokenizerJson, config: Record<string, unknown> = {}): Tokenizer {
  const json: TokenizerJson = { ...source, added_tokens: source.added_tokens.map((token) => ({ ...token })) }
  const model = createModel(json, configToken(config.eos_token) ?? '</s>')
  const steps = normalizerSteps(json.normalizer)
  const stages = splitStages(json.pre_tokenizer)
  const template = createTemplate(json.post_processor)

  const tokenOf: string[] = []
  for (const [token, id] of model.vocab) tokenOf[id] = token
  const addedIds = new Map<string, number>()
  const specialIds = new Set<number>()
  let raw: Sectioner
  let normalized: Sectioner
  let special: Tokenizer['special']
  let decoder: ((tokens: string[]) => string) | undefined
  const tokenToId = (token: string) => addedIds.get(token) ?? model.vocab.get(token)

  function readAdded() {
    for (const token of json.added_tokens) {
      addedIds.set(token.content, token.id)
      tokenOf[token.id] = token.content
      if (token.special) specialIds.add(token.id)
    }
    const isNormalized = (token: TokenizerJson['added_tokens'][number]) => token.normalized ?? !token.special
    raw = sectioner(json.added_tokens.filter((token) => !isNormalized(token)))
    normalized = sectioner(json.added_tokens.filter(isNormalized), (content) => normalize(content, steps))
    special = findSpecial(config, model.unk, tokenToId)
    decoder = undefined
  }
  readAdded()

  const cache = new Map<string, WordTokens>()
  function word(text: string): WordTokens {
    const known = cache.get(text)
    if (known) return known
    const tokens = model.tokenize(text)
    if (text.length <= cachedLength) {
      if (cache.size >= cacheLimit) cache.clear()
      cache.set(detached(text), tokens)
    }
    return tokens
  }

  // A prefix for the first word only asks whether the text before normalization begins there, which needs the way back.
  const needsOrigin = steps.length > 0 && JSON.stringify(json.pre_tokenizer).includes('"prepend_scheme":"first"')

  function ids(text: string): Int32Array {
    if (needsOrigin) return Int32Array.from(body(text).ids)
    let result = new Int32Array(Math.max(16, text.length >> 1))
    let count = 0
    const push = (id: number) => {
      if (count === result.length) {
        const larger = new Int32Array(2 * count)
        larger.set(result)
        result = larger
      }
      result[count++] = id
    }
    for (const outer of raw(text)) {
      if (outer.id !== undefined) {
        push(outer.id)
        continue
      }
      const clean = normalize(text.slice(outer.start, outer.end), steps)
      for (const inner of normalized(clean)) {
        if (inner.id !== undefined) {
          push(inner.id)
          continue
        }
        for (const piece of splitWords(clean.slice(inner.start, inner.end), stages, outer.start + inner.start === 0)) {
          const tokens = word(piece.text).ids
          for (let k = 0; k < tokens.length; k++) push(tokens[k]!)
        }
      }
    }
    return result.slice(0, count)
  }

  /** The range of normalised text as a range of the original. */
  function original({ starts, ends }: Aligned, from: number, to: number): [number, number] {
    if (starts.length === 0) return [0, 0]
    const last = starts.length - 1
    return [starts[Math.min(from, last)]!, ends[Math.min(Math.max(to - 1, from), last)]!]
  }

  function body(text: string): Body {
    const result: Body = { ids: [], offsets: [] }
    const push = (id: number, range: [number, number]) => {
      result.ids.push(id)
      result.offsets.push(template.trim ? withoutSpaces(text, range) : range)
    }
    const words = (source: Aligned, section: Section, first: boolean) => {
      for (const piece of splitWords(source.text.slice(section.start, section.end), stages, first)) {
        const tokens = word(piece.text)
        const at = section.start + piece.start - piece.lead
        for (let k = 0; k < tokens.ids.length; k++) {
          const from = Math.max(section.start + piece.start, at + tokens.starts[k]!)
          const range = original(source, from, at + tokens.ends[k]!)
          push(tokens.ids[k]!, range)
        }
      }
    }
    for (const outer of raw(text)) {
      if (outer.id !== undefined) {
        push(outer.id, [outer.start, outer.end])
        continue
      }
      const clean = normalizeAligned(aligned(text.slice(outer.start, outer.end), outer.start), steps)
      for (const inner of normalized(clean.text)) {
        if (inner.id !== undefined) push(inner.id, original(clean, inner.start, inner.end))
        else words(clean, inner, original(clean, inner.start, inner.start + 1)[0] === 0)
      }
    }
    return result
  }

  function encode(text: string, options: EncodeOptions = {}): Encoding {
    const { pair, special: withSpecial = true, maxLength = Number.POSITIVE_INFINITY } = options
    const first = body(text)
    const second = pair === undefined ? undefined : body(pair)
    const items = (second ? template.pair : template.single).filter((item) => withSpecial || 'sequence' in item)
    const extra = items.reduce((sum, item) => sum + ('ids' in item ? item.ids.length : 0), 0)
    if (maxLength < extra) throw new Error(`encode: maxLength: expected at least ${extra}, the number of special tokens, got ${maxLength}.`)
    const kept = shares(first.ids.length, second?.ids.length ?? 0, maxLength - extra)
    const result: Encoding = { ids: [], tokens: [], offsets: [], segments: [], specials: [] }
    const push = (id: number, range: [number, number], segment: number, isSpecial: boolean) => {
      result.ids.push(id)
      result.tokens.push(tokenOf[id]!)
      result.offsets.push(range)
      result.segments.push(segment)
      result.specials.push(isSpecial)
    }
    for (const item of items) {
      if ('ids' in item) for (const id of item.ids) push(id, [0, 0], item.segment, true)
      else {
        const source = item.sequence === 'A' ? first : second!
        const length = item.sequence === 'A' ? kept[0] : kept[1]
        for (let k = 0; k < length; k++) push(source.ids[k]!, source.offsets[k]!, item.segment, false)
      }
    }
    return result
  }

  function decode(tokens: ArrayLike<number>, options: { skipSpecial?: boolean } = {}): string {
    const words: string[] = []
    for (let k = 0; k < tokens.length; k++) {
      const id = tokens[k]!
      const token = tokenOf[id]
      if (token === undefined) throw new Error(`decode: ids[${k}]: expected an id from 0 to ${tokenOf.length - 1}, got ${id}.`)
      if (!specialIds.has(id) || options.skipSpecial === false) words.push(token)
    }
    decoder ??= libraryDecoder(json)
    return words.length === 0 ? '' : decoder(words)
  }

  function addTokens(tokens: string[], options: { special?: boolean } = {}): number[] {
    const isSpecial = options.special === true
    const result = tokens.map((content, index) => {
      if (content === '') throw new Error(`addTokens: tokens[${index}]: expected a token of at least one character, got ''.`)
      const id = tokenToId(content) ?? tokenOf.length
      const present = json.added_tokens.find((token) => token.content === content)
      if (present) present.special = present.special === true || isSpecial
      else json.added_tokens.push({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: !isSpecial, special: isSpecial })
      addedIds.set(content, id)
      tokenOf[id] = content
      return id
    })
    json.added_tokens.sort((a, b) => a.id - b.id)
    readAdded()
    return result
  }

  return {
    get size() {
      return tokenOf.length
    },
    kind: model.kind,
    get special() {
      return special
    },
    encode,
    ids,
    decode,
    tokenToId,
    idToToken: (id) => tokenOf[id],
    addTokens,
    toJSON: () => structuredClone({ version: '1.0', truncation: null, padding: null, ...json }),
    save: (folder) => saveTokenizer(folder, json, config, special),
  }
}

/** A range without the spaces at its ends. */
function withoutSpaces(text: string, [start, end]: [number, number]): [number, number] {
  let [from, to] = [start, end]
  while (from < to && text[from] === ' ') from++
  while (to > from && text[to - 1] === ' ') to--
  return [from, to]
}
