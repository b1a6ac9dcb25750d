// Published word vectors (GloVe: Pennington et al. 2014; fastText, word2vec in text form) as the start of a model's token embeddings: a model that
// trains for minutes on a CPU begins with what billions of words taught. Vectors are centred (Mu & Viswanath 2018), brought to the model's width by
// a random projection, which keeps their angles (Johnson & Lindenstrauss 1984), and scaled together.

import type { Store } from '@thaw/tensor'
import { readDocuments } from '../text/corpus/index.js'
import { random } from '../text/random.js'
import type { Tokenizer } from '../text/tokenizer/index.js'

const table = 'embeddings.token.weight'

/**
 * Rows of the token table that have a vector get it; the others keep their values.
 *
 * @param vectors by id, as {@link readVectors} has them
 * @param options.std root mean square of what is written; `width` the table's
 * @returns how many of the vocabulary's tokens had a vector, and of how many dimensions
 */
export async function startFromVectors(
  params: Store,
  vectors: ReadonlyMap<number, ArrayLike<number>>,
  { width, std, seed }: { width: number; std: number; seed: number },
): Promise<{ found: number; dimensions: number }> {
  const found = [...vectors.keys()]
  const dimensions = vectors.get(found[0]!)!.length
  const centre = new Float64Array(dimensions)
  for (const vector of vectors.values()) for (let j = 0; j < dimensions; j++) centre[j]! += vector[j]! / found.length
  const { normal } = random(seed)
  const projection = Float64Array.from({ length: dimensions * width }, () => normal())
  const values = (await params.read(table)) as Float32Array // [vocabulary, width]
  let squares = 0
  for (const [id, vector] of vectors) {
    const row = values.subarray(id * width, (id + 1) * width).fill(0)
    for (let j = 0; j < dimensions; j++) {
      const x = vector[j]! - centre[j]!
      for (let k = 0; k < width; k++) row[k]! += x * projection[j * width + k]!
    }
    for (const x of row) squares += x * x
  }
  const scale = std / Math.sqrt(squares / (found.length * width))
  for (const id of found) for (let k = 0; k < width; k++) values[id * width + k]! *= scale
  await params.write(table, values)
  return { found: found.length, dimensions }
}

/** Ids by lower-cased word: of tokens that are whole words (in WordPiece those without ##, in byte-level BPE those after a space), with the first id of each. */
export function wordIds(tokenizer: Tokenizer): Map<string, number[]> {
  const ids = new Map<string, number[]>()
  const special = new Set(Object.values(tokenizer.special).map((token) => token.id))
  for (let id = 0; id < tokenizer.size; id++) {
    const token = tokenizer.idToToken(id)
    if (token === undefined || special.has(id)) continue
    const word = wordOf(token, tokenizer.kind)
    if (word) ids.set(word, [...(ids.get(word) ?? []), id])
  }
  return ids
}

function wordOf(token: string, kind: Tokenizer['kind']): string | undefined {
  if (kind === 'wordpiece') return token.startsWith('##') ? undefined : token.toLowerCase()
  if (kind === 'wordlevel') return token.toLowerCase()
  return /^[Ġ▁]./u.test(token) ? token.slice(1).toLowerCase() : undefined
}

/**
 * Reads vectors of the vocabulary's words, by id.
 *
 * @param file text, one `word x₁ … x_d` a line, as GloVe is published (`.gz` and `.br` are unpacked); a first line `count d` is left out
 * @throws naming file and line where a line is no vector, or the file where no word is in the vocabulary
 */
export async function readVectors(file: string, tokenizer: Tokenizer): Promise<Map<number, Float64Array>> {
  const ids = wordIds(tokenizer)
  const vectors = new Map<number, Float64Array>()
  let dimensions = 0
  let line = 0
  for await (const { text } of readDocuments([file], { documents: 'line' })) {
    line++
    const [word, ...numbers] = text.trimEnd().split(' ')
    if (line === 1 && numbers.length === 1) continue // word2vec's header: count and dimensions
    dimensions ||= numbers.length
    if (numbers.length !== dimensions || numbers.length < 2)
      throw new Error(
        `${file}:${line}: expected a word and ${dimensions > 1 ? dimensions : 'its'} numbers, as GloVe's text files have, found ${numbers.length} after ${JSON.stringify(word)}`,
      )
    for (const id of ids.get(word!.toLowerCase()) ?? []) {
      if (vectors.has(id)) continue // the first of several is the most frequent one
      const vector = Float64Array.from(numbers, Number)
      const wrong = vector.findIndex((x) => !Number.isFinite(x))
      if (wrong >= 0)
        throw new Error(`${file}:${line}: ${JSON.stringify(numbers[wrong])} is no number (value ${wrong + 1} of ${JSON.stringify(word)})`)
      vectors.set(id, vector)
    }
  }
  if (vectors.size === 0) throw new Error(`${file}: no word of it is in the tokenizer's vocabulary; are these vectors of another language?`)
  return vectors
}
