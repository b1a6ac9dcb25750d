// WikiText as text: the corpus is distributed tokenized (Merity et al. 2017), so for a model that was trained on raw text it is put back together.
// What cannot be undone: `<unk>` stands for a rare word and stays as the five characters it is.

/** Undoes WikiText's tokenization of one line: `@-@` and the like, spaces before punctuation, inside brackets and quotes, before clitics. */
export function detokenize(line: string): string {
  let text = line
    .replace(/ @([-,.])@ /g, '$1')
    .replace(/ (n't|'s|'re|'ve|'ll|'d|'m)(?= |$)/g, '$1')
    .replace(/ ([.,:;!?%)\]])/g, '$1')
    .replace(/([([$£€#]) /g, '$1')
    .replace(/ – /g, '–')
  // quotation marks come in pairs: the first of a pair opens
  let open = false
  text = text.replace(/ ?" ?/g, (match, at: number) => {
    open = !open
    const before = at > 0 && match.startsWith(' ') ? ' ' : ''
    const after = match.endsWith(' ') ? ' ' : ''
    return open ? `${before}"` : `"${after}`
  })
  return text.trim()
}

/** Tokens as the perplexities of the literature count them: what stands between blanks, and one end mark a line. */
export const wikitextWords = (text: string): number =>
  text
    .split('\n')
    .slice(0, -1)
    .reduce((total, line) => total + line.split(' ').filter((word) => word !== '').length + 1, 0)
