import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { byteToChar } from './bytes.js'
import { loadTokenizer } from './load.js'

let root = ''
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'thaw-tokenizer-'))
})
after(() => rm(root, { recursive: true }))

async function folder(name: string, files: Record<string, unknown>): Promise<string> {
  const path = join(root, name)
  await mkdir(path, { recursive: true })
  for (const [file, content] of Object.entries(files)) {
    await writeFile(join(path, file), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return path
}

const vocabTxt = '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n##s\nℝ\n'
const encoder = () => Object.fromEntries([...byteToChar, 'he', 'Ġhe', '<|endoftext|>'].map((token, id) => [token, id]))
const bpe = '#version: 0.2\nh e\nĠ he\n'

test('vocab.txt: uncased unless it has capital letters or the configuration says so', async () => {
  const tokens = async (path: string) => (await loadTokenizer(path)).encode('Hellos').tokens
  assert.deepEqual(await tokens(await folder('bert', { 'vocab.txt': vocabTxt })), ['[CLS]', 'hello', '##s', '[SEP]'])
  assert.deepEqual(await tokens(join(root, 'bert', 'vocab.txt')), ['[CLS]', 'hello', '##s', '[SEP]'])
  assert.deepEqual(await tokens(await folder('cased', { 'vocab.txt': `${vocabTxt}Hello\n` })), ['[CLS]', 'Hello', '##s', '[SEP]'])
  assert.deepEqual(await tokens(await folder('said', { 'vocab.txt': vocabTxt, 'tokenizer_config.json': { do_lower_case: false } })), [
    '[CLS]',
    '[UNK]',
    '[SEP]',
  ])
})

test('encoder.json + vocab.bpe, and vocab.json + merges.txt', async () => {
  const gpt = await loadTokenizer(await folder('gpt2', { 'encoder.json': encoder(), 'vocab.bpe': bpe }))
  assert.deepEqual(gpt.encode('he he<|endoftext|>').tokens, ['he', 'Ġhe', '<|endoftext|>'])
  assert.deepEqual(gpt.encode('he he').offsets, [
    [0, 2],
    [3, 5],
  ])
  assert.deepEqual(gpt.special, { bos: { token: '<|endoftext|>', id: 258 }, eos: { token: '<|endoftext|>', id: 258 } })
  const path = await folder('roberta', { 'vocab.json': encoder(), 'merges.txt': bpe })
  assert.deepEqual((await loadTokenizer(path)).encode(' he').ids, gpt.encode(' he').ids)
  assert.equal((await loadTokenizer(join(path, 'vocab.json'))).size, 259)
})

test('save writes both files, leaves nothing else, and loads back the same', async () => {
  const tokenizer = await loadTokenizer(await folder('before', { 'vocab.txt': vocabTxt, 'tokenizer_config.json': { model_max_length: 512 } }))
  tokenizer.addTokens(['[CLF]'], { special: true })
  const path = join(root, 'new', 'after')
  await tokenizer.save(path)
  assert.deepEqual((await readdir(path)).sort(), ['tokenizer.json', 'tokenizer_config.json'])
  const again = await loadTokenizer(path)
  assert.deepEqual(again.encode('hello[CLF]'), tokenizer.encode('hello[CLF]'))
  assert.deepEqual(again.toJSON(), tokenizer.toJSON())
  const config = JSON.parse(await readFile(join(path, 'tokenizer_config.json'), 'utf8'))
  assert.deepEqual([config.model_max_length, config.cls_token, config.tokenizer_class], [512, '[CLS]', 'PreTrainedTokenizerFast'])
})

test('what is missing or malformed is named with its file', async () => {
  const fails = (path: string, message: string) => assert.rejects(loadTokenizer(path), { message: message.replaceAll('DIR', root) })
  await fails(join(root, 'nowhere'), 'DIR/nowhere: no such file or folder; expected a tokenizer.json, a vocab.txt or a folder with one.')
  await fails(
    await folder('empty', {}),
    'DIR/empty: no tokenizer in this folder; expected tokenizer.json, vocab.txt, encoder.json + vocab.bpe or vocab.json + merges.txt.',
  )
  await assert.rejects(loadTokenizer(await folder('broken', { 'tokenizer.json': '{"model": ' })), {
    message: /^.*broken\/tokenizer\.json: expected JSON: .+\.$/,
  })
  const json = async (name: string, content: unknown, message: string) => {
    await fails(await folder(name, { 'tokenizer.json': content }), `DIR/${name}/tokenizer.json: ${message}`)
  }
  await json('array', [], 'expected a tokenizer.json object, got an array.')
  await json('config', { hidden_size: 4 }, 'model: expected an object, got nothing; is this a tokenizer.json?')
  await json('type', { model: { type: 'Morph', vocab: {} } }, 'model.type: expected WordPiece, BPE, Unigram, WordLevel, got "Morph".')
  await json('none', { model: {} }, 'model.type: expected WordPiece, BPE, Unigram, WordLevel, got nothing.')
  await json('vocab', { model: { type: 'WordPiece' } }, 'model.vocab: expected an object of token: id, got nothing.')
  await json('scores', { model: { type: 'Unigram', vocab: {} } }, 'model.vocab: expected an array of [token, score], got an object.')
  await json('merges', { model: { type: 'BPE', vocab: {} } }, 'model.merges: expected an array of pairs, got nothing.')
  await json('added', { model: { type: 'WordLevel', vocab: {} }, added_tokens: [{}] }, 'added_tokens[0]: expected an object with content and id.')
  await json('part', { model: { type: 'WordLevel', vocab: {} }, decoder: 3 }, 'decoder: expected an object or null, got a number.')
  await fails(await folder('twice', { 'vocab.txt': '[UNK]\na\na\n' }), 'DIR/twice/vocab.txt:3: token "a" is already on line 2.')
  await fails(
    await folder('unk', { 'vocab.txt': 'a\n' }),
    'DIR/unk/vocab.txt: expected a BERT vocabulary, one token a line with [UNK]; [UNK] is missing.',
  )
  await fails(
    await folder('nomerges', { 'encoder.json': {} }),
    'DIR/nomerges/encoder.json: expected its merges in DIR/nomerges/vocab.bpe: no such file.',
  )
  await fails(
    await folder('badmerge', { 'encoder.json': encoder(), 'vocab.bpe': '#version: 0.2\nh e x\n' }),
    'DIR/badmerge/vocab.bpe:2: expected two tokens with a space between, got "h e x".',
  )
  await fails(
    await folder('nomerge', { 'encoder.json': encoder(), 'vocab.bpe': 'h e\nx y\n' }),
    'DIR/nomerge/vocab.bpe:2: token "xy" is not in DIR/nomerge/encoder.json.',
  )
  await fails(await folder('badids', { 'encoder.json': { a: 'b' }, 'vocab.bpe': '' }), 'DIR/badids/encoder.json: expected an object of token: id.')
})
