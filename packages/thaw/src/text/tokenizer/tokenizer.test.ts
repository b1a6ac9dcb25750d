import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { byteLevelJson, fromVocabTxt, wordLevelJson, wordPieceJson } from './convert.js'
import { checkTokenizerJson } from './json.js'
import { createTokenizer } from './tokenizer.js'
import { trainByteLevelBpe } from './train/byte-level-bpe.js'

const pieces = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'the', 'cat', 'cafe', '##s', '!', '中', 'un', '##want', '##ed']
const bert = () => createTokenizer(fromVocabTxt(pieces.join('\n'), 'vocab.txt'))

test('offsets of WordPiece point into the original text, through lower case, accents, marks and Chinese', () => {
  const text = 'The CAFÉS\u200b cafe\u0301s中 UNwanted!'
  const { tokens, offsets, specials, segments } = bert().encode(text)
  assert.deepEqual(tokens, ['[CLS]', 'the', 'cafe', '##s', 'cafe', '##s', '中', 'un', '##want', '##ed', '!', '[SEP]'])
  assert.deepEqual(
    offsets.map(([start, end]) => text.slice(start, end)),
    ['', 'The', 'CAFÉ', 'S', 'cafe', 's', '中', 'UN', 'want', 'ed', '!', ''],
  )
  assert.deepEqual(specials, [true, ...Array(10).fill(false), true])
  assert.deepEqual(segments, Array(12).fill(0))
})

test('a pair has segments; maxLength keeps the special tokens and cuts the longer text', () => {
  const tokenizer = bert()
  const whole = tokenizer.encode('the cat', { pair: 'the' })
  assert.deepEqual(whole.tokens, ['[CLS]', 'the', 'cat', '[SEP]', 'the', '[SEP]'])
  assert.deepEqual(whole.segments, [0, 0, 0, 0, 1, 1])
  assert.deepEqual(tokenizer.encode('the cat', { pair: 'the', maxLength: 5 }).tokens, ['[CLS]', 'the', '[SEP]', 'the', '[SEP]'])
  assert.deepEqual(tokenizer.encode('the cat', { maxLength: 3 }).tokens, ['[CLS]', 'the', '[SEP]'])
  assert.deepEqual(tokenizer.encode('the cat', { special: false, maxLength: 1 }).tokens, ['the'])
  assert.throws(() => tokenizer.encode('the', { maxLength: 1 }), {
    message: 'encode: maxLength: expected at least 2, the number of special tokens, got 1.',
  })
})

test('an added token gets the next id, is found in raw text, and is in the written file', () => {
  const tokenizer = bert()
  assert.equal(tokenizer.size, 14)
  assert.deepEqual(tokenizer.addTokens(['[CLF]'], { special: true }), [14])
  assert.deepEqual(tokenizer.addTokens(['[CLF]', 'Cat', 'the']), [14, 15, 5])
  assert.equal(tokenizer.size, 16)
  const text = 'the[CLF]CAT [clf]'
  const { tokens, offsets, specials } = tokenizer.encode(text, { special: false })
  assert.deepEqual(tokens, ['the', '[CLF]', 'Cat', '[UNK]', '[UNK]', '[UNK]'])
  assert.deepEqual(offsets.slice(0, 3), [
    [0, 3],
    [3, 8],
    [8, 11],
  ])
  assert.ok(specials.every((special) => !special))
  assert.equal(tokenizer.decode([5, 14, 6]), 'the cat')
  assert.equal(tokenizer.decode([5, 14, 6], { skipSpecial: false }), 'the [CLF] cat')
  const again = createTokenizer(checkTokenizerJson(JSON.parse(JSON.stringify(tokenizer)), 'again'))
  assert.deepEqual(again.encode(text), tokenizer.encode(text))
  assert.deepEqual([again.size, again.tokenToId('[CLF]'), again.idToToken(15), again.idToToken(16)], [16, 14, 'Cat', undefined])
  assert.throws(() => tokenizer.addTokens(['a', '']), { message: "addTokens: tokens[1]: expected a token of at least one character, got ''." })
})

test('special tokens are found by their usual names, or as the configuration says', () => {
  assert.deepEqual(bert().special, {
    pad: { token: '[PAD]', id: 0 },
    unk: { token: '[UNK]', id: 1 },
    cls: { token: '[CLS]', id: 2 },
    sep: { token: '[SEP]', id: 3 },
    mask: { token: '[MASK]', id: 4 },
  })
  const json = wordLevelJson({ '<s>': 0, '</s>': 1, '<unk>': 2 }, ['<s>'], '<unk>', false, 'spaces')
  const tokenizer = createTokenizer(json, { cls_token: '<s>', sep_token: { content: '</s>' } })
  assert.deepEqual(tokenizer.special.cls, { token: '<s>', id: 0 })
  assert.deepEqual(tokenizer.special.sep, { token: '</s>', id: 1 })
})

test('decode: empty input, and an id that is not there', () => {
  assert.equal(bert().decode([]), '')
  assert.equal(bert().decode(new Int32Array([2, 5, 7, 8, 3])), 'the cafes')
  assert.throws(() => bert().decode([5, 14]), { message: 'decode: ids[1]: expected an id from 0 to 13, got 14.' })
})

test('unknown components are named', () => {
  const json = wordPieceJson({ '[UNK]': 0 }, ['[UNK]'], true)
  assert.throws(() => createTokenizer({ ...json, normalizer: { type: 'Nmt' } }), {
    message:
      'tokenizer.json: normalizer.type: expected BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Precompiled, Prepend, Replace, Sequence, Strip or StripAccents, got "Nmt".',
  })
  assert.throws(() => createTokenizer({ ...json, pre_tokenizer: { type: 'UnicodeScripts' } }), {
    message:
      'tokenizer.json: pre_tokenizer.type: expected BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, Metaspace, Punctuation, Sequence, Split, Whitespace or WhitespaceSplit, got "UnicodeScripts".',
  })
  assert.throws(() => createTokenizer({ ...json, post_processor: { type: 'X' } }), {
    message: 'tokenizer.json: post_processor.type: expected BertProcessing, ByteLevel, RobertaProcessing, Sequence or TemplateProcessing, got "X".',
  })
  assert.throws(() => createTokenizer(wordPieceJson({ a: 0 }, [], true)), {
    message: 'tokenizer.json: model.unk_token: "[UNK]" is not in model.vocab.',
  })
  assert.throws(() => createTokenizer(byteLevelJson({ a: 0, b: 1 }, [['a', 'b']], [])), {
    message: 'tokenizer.json: model.merges[0] (a b): "ab" is not in model.vocab.',
  })
})

const anyText = fc.string({
  unit: fc.oneof(fc.constantFrom(..." \n\tabcéßÀ中한😀👍\u0301\u0344\u200d\ufeffﬁΣ'1!▁"), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })),
})

test('property: byte-level decode(encode(x)) is x', async () => {
  const tokenizer = await trainByteLevelBpe(['a cat sat, a dog sat; naïve café 😀😀 don’t don’t'], { vocabulary: 290 })
  fc.assert(
    fc.property(anyText, (text) => {
      assert.equal(tokenizer.decode(tokenizer.encode(text).ids), text)
      assert.equal(tokenizer.decode(tokenizer.ids(text)), text)
    }),
    { numRuns: 300 },
  )
})

test('property: offsets are inside the text and never go back; the corpus path agrees; surrogate pairs are never cut', async () => {
  const llama = {
    ...wordLevelJson({ '<unk>': 0, '▁a': 1, a: 2 }, [], '<unk>', false, 'spaces'),
    normalizer: {
      type: 'Sequence',
      normalizers: [{ type: 'NFKC' }, { type: 'Strip', strip_left: true, strip_right: true }, { type: 'Prepend', prepend: '▁' }],
    },
    pre_tokenizer: { type: 'Metaspace', prepend_scheme: 'first', replacement: '▁' },
  }
  const tokenizers = [bert(), await trainByteLevelBpe(['a cat sat é 😀'], { vocabulary: 270 }), createTokenizer(llama)]
  fc.assert(
    fc.property(anyText, fc.constantFrom(...tokenizers), (text, tokenizer) => {
      const { ids, offsets } = tokenizer.encode(text, { special: false })
      assert.deepEqual([...tokenizer.ids(text)], ids)
      let before = 0
      for (const [start, end] of offsets) {
        assert.ok(start >= before && end >= start && end <= text.length, `${start} ${end} after ${before}`)
        assert.ok(!(/[\udc00-\udfff]/.test(text[start] ?? '') && /[\ud800-\udbff]/.test(text[start - 1] ?? '')), 'starts inside a pair')
        before = start
      }
    }),
    { numRuns: 500 },
  )
})

test('a word that is remembered does not keep the text alive which it was cut from', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const tokenizer = bert()
  const used = () => {
    collect()
    return process.memoryUsage().heapUsed / 1e6
  }
  tokenizer.ids('the')
  const before = used()
  // a megabyte each, with one long word that no other has
  for (let i = 0; i < 40; i++) tokenizer.ids(`${'the cat '.repeat(125_000)}${String.fromCharCode(97 + (i % 26)).repeat(20 + i)}`)
  assert.ok(used() - before < 15, `${(used() - before).toFixed(0)} MB more`)
})
