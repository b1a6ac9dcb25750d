import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../testing/checkpoints.js'
import { toyText } from '../testing/toy.js'
import { countWords, tokenizeCorpus } from '../text/corpus/index.js'
import { trainByteLevelBpe, trainWordLevel } from '../text/tokenizer/index.js'
import { heldOutEnd, heldOutText } from './held-out.js'

test('words of the end of a corpus: counted in the text itself where the tokenizer gives it back, estimated otherwise', () =>
  inFolder(async (cacheFolder) => {
    const text = `${toyText(120)}\nnaïve “words”, and un-\u00a0usual\tspaces .\nthe end`
    const file = join(cacheFolder, 'text.txt')
    await writeFile(file, text)
    const options = { cacheFolder, documents: 'line' } as const
    const bpe = await trainByteLevelBpe([text], { vocabulary: 400 })
    const endOfText = bpe.special.eos!.id
    await using cache = await tokenizeCorpus([file], { ...options, tokenizer: bpe, endOfText })
    const held = await heldOutEnd(cache, bpe)
    assert.deepEqual([held.to, held.from], [cache.tokens, cache.tokens - Math.floor(cache.tokens * 0.02)])
    // by another way: the tail of the text itself that has as many tokens
    const lines = text.split('\n')
    const tokens = [...(await cache.read(held.from, held.to - held.from))]
    const complete = tokens.filter((id) => id === endOfText).length
    const partial = tokens.slice(0, tokens.indexOf(endOfText))
    const words = lines.slice(lines.length - complete + 1).reduce((sum, line) => sum + countWords(line), 0) + countWords(bpe.decode(partial))
    assert.deepEqual([held.words, held.exact, held.unknown], [words, true, 0])
    assert.equal((await heldOutText(cache, bpe)).words, countWords(text))

    const word = await trainWordLevel([toyText(120)], { vocabulary: 100 })
    await using other = await tokenizeCorpus([file], { ...options, tokenizer: word, endOfText: word.special.eos!.id })
    const estimated = await heldOutEnd(other, word)
    assert.equal(estimated.exact, false)
    const unknown = [...(await other.read(estimated.from, estimated.to - estimated.from))].filter((id) => id === word.special.unk!.id).length
    assert.ok(unknown > 0)
    assert.equal(estimated.unknown, unknown)
  }))
