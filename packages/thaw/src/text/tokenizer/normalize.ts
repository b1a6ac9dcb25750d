// Normalizers: text to the form a vocabulary was made from, with the way back to the original text.
// Every normalizer is a list of steps "replace each match of a pattern"; the corpus path runs the steps with String.replace, the path
// with offsets walks the same matches and gives each new character the place of what it replaced. So both give the same text.

import { charsmap } from './charsmap.js'
import type { Component } from './json.js'
import { SplitPreTokenizer } from './library.js'
import { chinese, control, mark, space } from './unicode.js'

export interface Step {
  pattern: RegExp
  replace: (match: string) => string
  /** The same for a whole text at once, where that is faster. */
  whole?: (text: string) => string
}

/** Text whose UTF-16 code unit i came from `[starts[i], ends[i])` of the original. */
export interface Aligned {
  text: string
  starts: ArrayLike<number>
  ends: ArrayLike<number>
}

/** A character that a Unicode normal form may change, with its marks; Hangul letters in runs, since they compose with each other. */
const cluster =
  /[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]+|[\0-\x7f][\p{M}\uff9e\uff9f]+|[^\0-\x7f\p{M}\uff9e\uff9f][\p{M}\uff9e\uff9f]*|[\p{M}\uff9e\uff9f]+/gu

const ascii = /^[\0-\x7f]*$/

const form = (name: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): Step => ({ pattern: cluster, replace: (match) => match.normalize(name) })

const stripMarks: Step = { pattern: new RegExp(mark, 'gu'), replace: () => '' }

// Rust lower-cases character by character; JavaScript would turn a sigma at the end of a word into ς.
const lowercase: Step = {
  pattern: /[A-Z]|[^\0-\x7f]/gu,
  replace: (match) => match.toLowerCase(),
  whole: (text) => (text.includes('Σ') ? text.replaceAll('Σ', 'σ') : text).toLowerCase(),
}

function bert(config: Component): Step[] {
  const steps: Step[] = []
  if (config.clean_text !== false) {
    steps.push({ pattern: new RegExp(control, 'gu'), replace: () => '' })
    steps.push({ pattern: new RegExp(`(?! )[${space}]`, 'gu'), replace: () => ' ' })
  }
  if (config.handle_chinese_chars !== false) steps.push({ pattern: new RegExp(chinese, 'gu'), replace: (match) => ` ${match} ` })
  if (config.strip_accents ?? config.lowercase) steps.push(form('NFD'), stripMarks)
  if (config.lowercase !== false) steps.push(lowercase)
  return steps
}

/** The pattern of a Replace or Split component: `{ String }` or `{ Regex }` in Oniguruma's dialect, translated by the library. */
export function componentPattern(config: Component): RegExp {
  const pattern = config.pattern as { String?: string; Regex?: string } | string | undefined
  const given = typeof pattern === 'string' ? { String: pattern } : (pattern ?? {})
  if (given.String !== undefined) return new RegExp(given.String.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&').replace(/\\-/g, '-'), 'gu')
  const made = new SplitPreTokenizer({ type: 'Split', pattern: given, invert: true, behavior: 'Isolated' }).pattern
  if (made === null) throw new Error(`tokenizer.json: ${config.type}: expected a pattern with String or Regex, got ${JSON.stringify(pattern)}.`)
  return made
}

/** The steps of a `normalizer` component (null: none). Throws for a type it does not know. */
export function normalizerSteps(config: Component | null): Step[] {
  if (config === null) return []
  switch (config.type) {
    case 'Sequence':
      return (config.normalizers as Component[]).flatMap(normalizerSteps)
    case 'BertNormalizer':
      return bert(config)
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return [form(config.type)]
    case 'Lowercase':
      return [lowercase]
    case 'StripAccents':
      return [{ pattern: /\p{M}/gu, replace: () => '' }]
    case 'Strip': {
      const sides = [config.strip_left !== false ? `^[${space}]+` : '', config.strip_right !== false ? `[${space}]+$` : ''].filter(
        (side) => side !== '',
      )
      return sides.length === 0 ? [] : [{ pattern: new RegExp(sides.join('|'), 'gu'), replace: () => '' }]
    }
    case 'Replace':
      return [{ pattern: componentPattern(config), replace: () => String(config.content ?? '') }]
    case 'Prepend':
      return [{ pattern: /^[\s\S]/gu, replace: (match) => String(config.prepend ?? '') + match }]
    case 'Precompiled':
      return typeof config.precompiled_charsmap === 'string' ? [charsmap(config.precompiled_charsmap)] : []
    default:
      throw new Error(
        `tokenizer.json: normalizer.type: expected BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Precompiled, Prepend, Replace, Sequence, Strip or StripAccents, got ${JSON.stringify(config.type)}.`,
      )
  }
}

/** Runs the steps on a text. */
export function normalize(text: string, steps: readonly Step[]): string {
  if (steps.length === 0) return text
  let plain = ascii.test(text)
  let result = text
  for (const step of steps) {
    if (plain && step.pattern === cluster) continue
    const next = step.whole ? step.whole(result) : result.replace(step.pattern, step.replace)
    if (plain && next !== result) plain = ascii.test(next)
    result = next
  }
  return result
}

/** A text that is its own original, or the part of it that begins at `offset`. */
export function aligned(text: string, offset = 0): Aligned {
  const starts = new Int32Array(text.length)
  const ends = new Int32Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const low = (text.charCodeAt(i) & 0xfc00) === 0xdc00 && i > 0 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800
    const high = (text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00
    starts[i] = offset + (low ? i - 1 : i)
    ends[i] = offset + (high ? i + 2 : i + 1)
  }
  return { text, starts, ends }
}

/** Runs the steps and keeps the way back. */
export function normalizeAligned(source: Aligned, steps: readonly Step[]): Aligned {
  let current = source
  for (const { pattern, replace } of steps) {
    const { text, starts, ends } = current
    const nextStarts: number[] = []
    const nextEnds: number[] = []
    let result = ''
    let done = 0
    const copy = (to: number) => {
      for (let i = done; i < to; i++) {
        nextStarts.push(starts[i]!)
        nextEnds.push(ends[i]!)
      }
      result += text.slice(done, to)
      done = to
    }
    for (const match of text.matchAll(pattern)) {
      const [found] = match
      const made = replace(found)
      if (made === found || found === '') continue
      copy(match.index)
      done = match.index + found.length
      for (let i = 0; i < made.length; i++) {
        nextStarts.push(starts[match.index]!)
        nextEnds.push(ends[done - 1]!)
      }
      result += made
    }
    if (done === 0) continue
    copy(text.length)
    current = { text: result, starts: nextStarts, ends: nextEnds }
  }
  return current
}
