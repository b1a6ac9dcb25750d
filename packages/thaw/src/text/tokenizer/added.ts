// Added tokens ([CLS], <|endoftext|>, [CLF]): found in a text before anything else happens to it, leftmost and longest first.
import type { AddedTokenJson } from './json.js'
import { space, wordClass } from './unicode.js'

/** A part of a text: an added token (with its id) or the text between two of them. */
export interface Section {
  start: number
  end: number
  id?: number
}

/** Cuts a text at the added tokens it contains. */
export type Sectioner = (text: string) => Section[]

const endsWithWord = new RegExp(`[${wordClass}]$`, 'u')
const startsWithWord = new RegExp(`^[${wordClass}]`, 'u')
const spaceAtEnd = new RegExp(`[${space}]*$`, 'u')
const spaceAtStart = new RegExp(`^[${space}]*`, 'u')

/** A sectioner for some tokens; `spell` gives the form in which a token stands in the text (normalised, where the text is). */
export function sectioner(tokens: readonly AddedTokenJson[], spell: (content: string) => string = (content) => content): Sectioner {
  const forms = new Map<string, AddedTokenJson>()
  for (const token of tokens) {
    const form = spell(token.content)
    if (form !== '') forms.set(form, token)
  }
  if (forms.size === 0) return (text) => (text === '' ? [] : [{ start: 0, end: text.length }])
  const alternatives = [...forms.keys()].sort((a, b) => b.length - a.length).map((form) => form.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
  const pattern = new RegExp(alternatives.join('|'), 'g')
  return (text) => {
    const sections: Section[] = []
    let done = 0
    pattern.lastIndex = 0
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      const token = forms.get(match[0])!
      let start = match.index
      let end = start + match[0].length
      if (start < done) continue
      if (token.single_word && (endsWithWord.test(text.slice(0, start)) || startsWithWord.test(text.slice(end)))) continue
      if (token.lstrip) start = Math.max(done, start - spaceAtEnd.exec(text.slice(0, start))![0].length)
      if (token.rstrip) end += spaceAtStart.exec(text.slice(end))![0].length
      if (start > done) sections.push({ start: done, end: start })
      sections.push({ start, end, id: token.id })
      done = end
    }
    if (done < text.length) sections.push({ start: done, end: text.length })
    return sections
  }
}
