// A corpus: files of any size to documents, to ids in a cache on disk, to shuffled batches that can be entered at any point.
import { languageModelBatchCount, languageModelBatches, readDocuments, tokenizeCorpus, trainByteLevelBpe } from 'thaw'

const files = ['examples/data/*.txt'] // globs, .gz, .br and - (standard input) work too
const documents = 'line'

async function* texts() {
  for await (const { text } of readDocuments(files, { documents })) yield text
}
const tokenizer = await trainByteLevelBpe(texts(), { vocabulary: 600 })

const cache = await tokenizeCorpus(files, { tokenizer, documents, cacheFolder: 'runs/corpus', endOfText: tokenizer.special.eos?.id })
console.log(`${cache.documents} documents, ${cache.words} words, ${cache.tokens} tokens`)

const shape = { batch: 4, time: 16 }
console.log(`${languageModelBatchCount(cache, shape)} batches an epoch`)
for await (const { inputs, targets, index } of languageModelBatches(cache, { ...shape, seed: 1, epoch: 0, start: 2 })) {
  // row r of targets is row r of inputs, moved by one token
  console.log(`batch ${index}: ${inputs.length} inputs,`, inputs.slice(1, 16).join() === targets.slice(0, 15).join())
  break
}
await cache.close()
// 70 documents, 815 words, 1428 tokens
// 22 batches an epoch
// batch 2: 64 inputs, true
