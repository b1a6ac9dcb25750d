// Pre-tokenizers: normalised text to words (the pieces a model looks up), each with its place in the normalised text.
import type { Component } from './json.js'
import { componentPattern } from './normalize.js'
import { punctuation, space, wordClass } from './unicode.js'

/** A word: its text, where it begins in the normalised text, and how many leading code units of it are not in that text (an added space). */
export interface Piece {
  text: string
  start: number
  lead: number
}

/** One stage: appends the pieces of a piece. `first` says that the piece begins the whole text. */
export type Stage = (piece: Piece, out: Piece[], first: boolean) => void

const sub = (piece: Piece, text: string, index: number): Piece =>
  index >= piece.lead ? { text, start: piece.start + index - piece.lead, lead: 0 } : { text, start: piece.start, lead: piece.lead - index }

/** Every match is a word, what lies between is dropped. */
function matches(pattern: RegExp): Stage {
  return (piece, out) => {
    const { text } = piece
    pattern.lastIndex = 0
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      const [found] = match
      if (found === '') pattern.lastIndex++
      else out.push(piece.lead === 0 ? { text: found, start: piece.start + match.index, lead: 0 } : sub(piece, found, match.index))
    }
  }
}

type Behavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous'

/** Splits at a pattern's matches, as the Rust library's SplitDelimiterBehavior; `invert` exchanges matches and the rest. */
function splitAt(pattern: RegExp, behavior: Behavior, invert = false): Stage {
  return (piece, out) => {
    const spans: { start: number; end: number; match: boolean }[] = []
    const add = (start: number, end: number, match: boolean) => {
      if (end <= start) return
      const last = spans.at(-1)
      const wasMatch = last?.match === true
      const merge =
        last !== undefined &&
        ((behavior === 'Contiguous' && match === last.match) ||
          (behavior === 'MergedWithPrevious' && match && !wasMatch) ||
          (behavior === 'MergedWithNext' && !match && wasMatch))
      if (!merge) spans.push({ start, end, match })
      else {
        last.end = end
        last.match = match
      }
    }
    let done = 0
    for (const found of piece.text.matchAll(pattern)) {
      add(done, found.index, invert)
      add(found.index, found.index + found[0].length, !invert)
      done = found.index + found[0].length
    }
    add(done, piece.text.length, invert)
    for (const { start, end, match } of spans) {
      if (behavior === 'Removed' && match) continue
      out.push(sub(piece, piece.text.slice(start, end), start))
    }
  }
}

const gpt2 = () => new RegExp(`'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${space}\\p{L}\\p{N}]+|[${space}]+(?![^${space}])|[${space}]+`, 'gu')

function prefixed(piece: Piece, prefix: string): Piece {
  return piece.text.startsWith(prefix) ? piece : { text: prefix + piece.text, start: piece.start, lead: piece.lead + prefix.length }
}

function metaspace(config: Component): Stage {
  const replacement = String(config.replacement ?? '▁')
  const scheme = config.prepend_scheme ?? (config.add_prefix_space === false ? 'never' : 'always')
  const split = config.split === false ? undefined : splitAt(new RegExp(replacement, 'gu'), 'MergedWithNext')
  return (piece, out, first) => {
    const replaced = { ...piece, text: piece.text.replaceAll(' ', replacement) }
    const whole = scheme === 'always' || (scheme === 'first' && first) ? prefixed(replaced, replacement) : replaced
    if (split) split(whole, out, first)
    else out.push(whole)
  }
}

function byteLevel(config: Component): Stage {
  const split = config.use_regex === false ? undefined : matches(gpt2())
  return (piece, out, first) => {
    const whole = config.add_prefix_space === true ? prefixed(piece, ' ') : piece
    if (split) split(whole, out, first)
    else out.push(whole)
  }
}

/** The stages of a `pre_tokenizer` component (null: the text is one word). Throws for a type it does not know. */
export function splitStages(config: Component | null): Stage[] {
  if (config === null) return []
  switch (config.type) {
    case 'Sequence':
      return (config.pretokenizers as Component[]).flatMap(splitStages)
    case 'BertPreTokenizer':
      // A word is anything but spaces and punctuation, tried first by the shortest test.
      return [matches(new RegExp(`(?:[\\p{L}\\p{N}]|(?!${punctuation})[^${space}])+|${punctuation}`, 'gu'))]
    case 'Whitespace':
      return [matches(new RegExp(`[${wordClass}]+|[^${wordClass}${space}]+`, 'gu'))]
    case 'WhitespaceSplit':
      return [matches(new RegExp(`[^${space}]+`, 'gu'))]
    case 'ByteLevel':
      return [byteLevel(config)]
    case 'Metaspace':
      return [metaspace(config)]
    case 'Punctuation':
      return [splitAt(new RegExp(punctuation, 'gu'), (config.behavior as Behavior) ?? 'Isolated')]
    case 'Digits':
      return [splitAt(/\p{N}/gu, config.individual_digits === true ? 'Isolated' : 'Contiguous')]
    case 'CharDelimiterSplit':
      return [splitAt(componentPattern({ pattern: { String: String(config.delimiter) } }), 'Removed')]
    case 'Split':
      return [splitAt(componentPattern(config), (config.behavior as Behavior) ?? 'Isolated', config.invert === true)]
    default:
      throw new Error(
        `tokenizer.json: pre_tokenizer.type: expected BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, Metaspace, Punctuation, Sequence, Split, Whitespace or WhitespaceSplit, got ${JSON.stringify(config.type)}.`,
      )
  }
}

/** True where words are spelt in bytes (a ByteLevel anywhere). */
export function isByteLevel(config: Component | null): boolean {
  return config !== null && (config.type === 'ByteLevel' || (config.type === 'Sequence' && (config.pretokenizers as Component[]).some(isByteLevel)))
}

/** The words of a normalised text; `first` says that it begins the original text. */
export function splitWords(text: string, stages: readonly Stage[], first: boolean): Piece[] {
  let pieces: Piece[] = text === '' ? [] : [{ text, start: 0, lead: 0 }]
  for (const stage of stages) {
    const next: Piece[] = []
    for (const piece of pieces) stage(piece, next, first && piece.start === 0)
    pieces = next
  }
  return pieces
}
