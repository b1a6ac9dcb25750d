// A tokenizer: trained, used with offsets, saved as the tokenizer.json that Python's `tokenizers` reads too, and loaded again.
import { mkdir, readFile } from 'node:fs/promises'
import { loadTokenizer, trainByteLevelBpe } from 'thaw'

const lines = (await readFile('examples/data/facts.txt', 'utf8')).trim().split('\n')
const tokenizer = await trainByteLevelBpe(lines, { vocabulary: 600 })
const text = 'The whale’s tower'
const { ids, tokens, offsets } = tokenizer.encode(text)
console.log(`${tokenizer.size} tokens in the vocabulary`)
console.log(tokens.map((token, i) => `${token}=${JSON.stringify(text.slice(...offsets[i]))}`).join(' '))

await mkdir('runs/tokenizer', { recursive: true })
await tokenizer.save('runs/tokenizer')
const again = await loadTokenizer('runs/tokenizer')
console.log(again.ids(text).join() === ids.join(), again.decode(ids) === text)
// 600 tokens in the vocabulary
// The="The" Ġwhale="whale" â="’" Ģ="’" Ļ="’" s="s" Ġtower="tower"
// true true
