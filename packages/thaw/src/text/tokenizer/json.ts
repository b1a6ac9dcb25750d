// The parts of Hugging Face's tokenizer.json that Thaw reads, and the check that a parsed file is one.
// Format: https://huggingface.co/docs/tokenizers (the Rust library's serialisation); keys we do not know are kept and written back.

/** A component of the file: its `type`, and settings that depend on it. */
export interface Component {
  type?: string
  [key: string]: unknown
}

export interface AddedTokenJson {
  id: number
  content: string
  single_word?: boolean
  lstrip?: boolean
  rstrip?: boolean
  normalized?: boolean
  special?: boolean
}

export interface ModelJson extends Component {
  vocab: Record<string, number> | [string, number][]
}

export interface TokenizerJson {
  version?: string
  truncation?: unknown
  padding?: unknown
  added_tokens: AddedTokenJson[]
  normalizer: Component | null
  pre_tokenizer: Component | null
  post_processor: Component | null
  decoder: Component | null
  model: ModelJson
  [key: string]: unknown
}

const known = ['WordPiece', 'BPE', 'Unigram', 'WordLevel']

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

const describe = (value: unknown): string =>
  Array.isArray(value)
    ? 'an array'
    : value === null
      ? 'null'
      : value === undefined
        ? 'nothing'
        : typeof value === 'object'
          ? 'an object'
          : `a ${typeof value}`

/** Files written before `model.type` existed are told apart by their keys. */
function guessType(model: Record<string, unknown>): string | undefined {
  if (Array.isArray(model.vocab)) return 'Unigram'
  if (model.merges !== undefined) return 'BPE'
  if (model.continuing_subword_prefix !== undefined) return 'WordPiece'
  return model.vocab !== undefined && model.unk_token !== undefined ? 'WordLevel' : undefined
}

/** Checks a parsed tokenizer.json; `where` (a file name) begins every error. Missing optional components become null. */
export function checkTokenizerJson(value: unknown, where: string): TokenizerJson {
  if (!isObject(value)) throw new Error(`${where}: expected a tokenizer.json object, got ${describe(value)}.`)
  const model = value.model
  if (!isObject(model)) throw new Error(`${where}: model: expected an object, got ${describe(model)}; is this a tokenizer.json?`)
  const type = model.type ?? guessType(model)
  if (typeof type !== 'string' || !known.includes(type)) {
    throw new Error(`${where}: model.type: expected ${known.join(', ')}, got ${type === undefined ? 'nothing' : JSON.stringify(type)}.`)
  }
  const { vocab } = model
  if (type === 'Unigram') {
    if (!Array.isArray(vocab)) throw new Error(`${where}: model.vocab: expected an array of [token, score], got ${describe(vocab)}.`)
  } else if (!isObject(vocab)) throw new Error(`${where}: model.vocab: expected an object of token: id, got ${describe(vocab)}.`)
  if (type === 'BPE' && !Array.isArray(model.merges)) {
    throw new Error(`${where}: model.merges: expected an array of pairs, got ${describe(model.merges)}.`)
  }
  const added = value.added_tokens ?? []
  if (!Array.isArray(added)) throw new Error(`${where}: added_tokens: expected an array, got ${describe(added)}.`)
  added.forEach((token: unknown, index) => {
    if (!isObject(token) || typeof token.content !== 'string' || typeof token.id !== 'number') {
      throw new Error(`${where}: added_tokens[${index}]: expected an object with content and id.`)
    }
  })
  const component = (key: string): Component | null => {
    const part = value[key] ?? null
    if (part !== null && !isObject(part)) throw new Error(`${where}: ${key}: expected an object or null, got ${describe(part)}.`)
    return part
  }
  return {
    ...value,
    added_tokens: added as AddedTokenJson[],
    normalizer: component('normalizer'),
    pre_tokenizer: component('pre_tokenizer'),
    post_processor: component('post_processor'),
    decoder: component('decoder'),
    model: { ...model, type } as ModelJson,
  }
}
