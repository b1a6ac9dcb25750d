// Text of the pretraining as commands take it: files, of which the beginning is enough.

import { readDocuments } from '../text/corpus/index.js'

/** Characters that are read. */
const mostText = 4_000_000

/** The documents of the files, until they have so many characters. */
export async function beginningOf(files: readonly string[]): Promise<string[]> {
  const texts: string[] = []
  let characters = 0
  for await (const { text } of readDocuments(files)) {
    texts.push(text)
    characters += text.length
    if (characters >= mostText) break
  }
  return texts
}
