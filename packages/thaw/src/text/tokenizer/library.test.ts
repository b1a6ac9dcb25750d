// The library is the slow, plain reference of the corpus path: equal ids on text that looks real.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkTokenizerJson } from './json.js'
import { Tokenizer as Library } from './library.js'
import { trainByteLevelBpe } from './train/byte-level-bpe.js'
import { trainWordLevel } from './train/word-level.js'
import { trainWordPiece } from './train/wordpiece.js'

const lines = [
  'The Battle of Hastings (14 October 1066) was fought between the Norman-French army of William, the Duke of Normandy, and an English army.',
  'In mathematics, Euler’s identity is the equality e^(iπ) + 1 = 0; "beautiful", they said — and don’t we all?',
  'Zürich is twinned with Kunming (昆明) and San Francisco since 2003.   Its señor mayor\tsaid: "¡Hola!"',
  'He’ll cost $1,234.56 at 10:45 a.m., we’d say; it is 50% off… (see www.example.org/a_b?c=d#e).',
  '',
]

test('WordPiece, byte-level BPE and word-level ids are those of the library', async () => {
  const wordPiece = await trainWordPiece([...lines, ...lines], { vocabulary: 260 })
  const cased = await trainWordPiece([...lines, ...lines], { vocabulary: 260, lowercase: false })
  const byteLevel = await trainByteLevelBpe([...lines, ...lines], { vocabulary: 400 })
  const wordLevel = await trainWordLevel([...lines, ...lines], { vocabulary: 80, split: 'spaces' })
  for (const tokenizer of [wordPiece, cased, byteLevel, wordLevel]) {
    const json = checkTokenizerJson(tokenizer.toJSON(), 'trained')
    const library = new Library(json, { unk_token: '<unk>' })
    for (const line of lines) assert.deepEqual(tokenizer.encode(line).ids, library.encode(line).ids, `${tokenizer.kind}: ${line}`)
  }
})
