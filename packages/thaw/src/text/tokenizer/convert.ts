// Older vocabularies as tokenizer.json objects: BERT's vocab.txt (one token a line) and GPT-2's encoder.json + vocab.bpe.
import { checkTokenizerJson, type TokenizerJson } from './json.js'

const special = (content: string, id: number) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
})

/** The frame of a WordPiece tokenizer for an uncased or cased BERT. */
export function wordPieceJson(vocab: Record<string, number>, specials: readonly string[], lowercase: boolean): TokenizerJson {
  const has = (token: string) => specials.includes(token) && vocab[token] !== undefined
  const place = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } })
  const text = (id: string, type_id: number) => ({ Sequence: { id, type_id } })
  const template = {
    type: 'TemplateProcessing',
    single: [place('[CLS]', 0), text('A', 0), place('[SEP]', 0)],
    pair: [place('[CLS]', 0), text('A', 0), place('[SEP]', 0), text('B', 1), place('[SEP]', 1)],
    special_tokens: Object.fromEntries(['[CLS]', '[SEP]'].map((token) => [token, { id: token, ids: [vocab[token]], tokens: [token] }])),
  }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.filter((token) => vocab[token] !== undefined).map((token) => special(token, vocab[token]!)),
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: has('[CLS]') && has('[SEP]') ? template : null,
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab },
  }
}

/** The frame of a byte-level BPE tokenizer as GPT-2's. */
export function byteLevelJson(vocab: Record<string, number>, merges: [string, string][], specials: readonly string[]): TokenizerJson {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.filter((token) => vocab[token] !== undefined).map((token) => special(token, vocab[token]!)),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  }
}

/** The frame of a word-level tokenizer; words are split at punctuation, or at spaces only. */
export function wordLevelJson(
  vocab: Record<string, number>,
  specials: readonly string[],
  unk: string,
  lowercase: boolean,
  split: 'punctuation' | 'spaces',
): TokenizerJson {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((token) => special(token, vocab[token]!)),
    normalizer: lowercase ? { type: 'Lowercase' } : null,
    pre_tokenizer: { type: split === 'spaces' ? 'WhitespaceSplit' : 'Whitespace' },
    post_processor: null,
    decoder: null,
    model: { type: 'WordLevel', vocab, unk_token: unk },
  }
}

/** The text of a BERT vocab.txt. Cased vocabularies are told from uncased ones by their capital letters unless `lowercase` says it. */
export function fromVocabTxt(text: string, where: string, lowercase?: boolean): TokenizerJson {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/)
  while (lines.at(-1) === '') lines.pop()
  const vocab: Record<string, number> = Object.create(null)
  lines.forEach((token, id) => {
    if (vocab[token] !== undefined) throw new Error(`${where}:${id + 1}: token ${JSON.stringify(token)} is already on line ${vocab[token]! + 1}.`)
    vocab[token] = id
  })
  if (vocab['[UNK]'] === undefined) throw new Error(`${where}: expected a BERT vocabulary, one token a line with [UNK]; [UNK] is missing.`)
  const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
  // ASCII capitals only: the uncased vocabulary has ℝ and its like.
  const cased = lines.some((token) => !specials.includes(token) && !/^\[.*\]$/.test(token) && /[A-Z]/.test(token))
  const uncased = lowercase ?? !cased
  return wordPieceJson({ ...vocab }, specials, uncased)
}

/** GPT-2's encoder.json (parsed) and the text of vocab.bpe (one merge a line, after a version line). */
export function fromGpt2(encoder: unknown, bpe: string, where: { vocab: string; merges: string }): TokenizerJson {
  const merges: [string, string][] = []
  const vocab = encoder as Record<string, number>
  if (typeof encoder !== 'object' || encoder === null || Object.values(encoder).some((id) => !Number.isInteger(id))) {
    throw new Error(`${where.vocab}: expected an object of token: id.`)
  }
  bpe.split(/\r?\n/).forEach((line, index) => {
    if (line === '' || (index === 0 && line.startsWith('#version'))) return
    const parts = line.split(' ')
    if (parts.length !== 2) throw new Error(`${where.merges}:${index + 1}: expected two tokens with a space between, got ${JSON.stringify(line)}.`)
    const missing = [...parts, parts.join('')].find((token) => vocab[token] === undefined)
    if (missing !== undefined) throw new Error(`${where.merges}:${index + 1}: token ${JSON.stringify(missing)} is not in ${where.vocab}.`)
    merges.push([parts[0]!, parts[1]!])
  })
  return checkTokenizerJson(byteLevelJson(vocab, merges, ['<|endoftext|>']), where.vocab)
}
