// Reading single fields of somebody else's config.json: each with its default, each checked, errors with the file and the key.

export type Json = Readonly<Record<string, unknown>>

export function asObject(value: unknown, where: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${where}: expected a JSON object; got ${JSON.stringify(value)?.slice(0, 80)}`)
  }
  return value as Json
}

/** The value under a key; undefined where it is absent or null. Inherited names (`constructor`) are never seen. */
export function field(raw: Json, key: string): unknown {
  return Object.hasOwn(raw, key) ? (raw[key] ?? undefined) : undefined
}

/** A number; `fallback` where the key is absent or null, an error where there is no fallback. */
export function numberField(raw: Json, key: string, where: string, fallback?: number): number {
  const value = field(raw, key) ?? fallback
  if (typeof value !== 'number') throw new Error(`${where}: ${key} must be a number; got ${JSON.stringify(value) ?? 'nothing'}`)
  return value
}

/** Refuses a setting that would change the model's results and that our models do not have. */
export function refuse(raw: Json, key: string, allowed: readonly unknown[], where: string): void {
  const value = field(raw, key)
  if (value !== undefined && !allowed.includes(value)) {
    throw new Error(
      `${where}: ${key} is ${JSON.stringify(value)}, which Thaw's models do not have; only ${allowed.map((a) => JSON.stringify(a)).join(', ')} can be loaded`,
    )
  }
}

const activations = new Map<unknown, 'gelu' | 'gelu-tanh' | 'relu'>([
  ['gelu', 'gelu'],
  ['gelu_new', 'gelu-tanh'],
  ['gelu_pytorch_tanh', 'gelu-tanh'],
  ['relu', 'relu'],
])

export function activationField(raw: Json, key: string, where: string, fallback: string): 'gelu' | 'gelu-tanh' | 'relu' {
  const name = field(raw, key) ?? fallback
  const found = activations.get(name)
  if (!found) throw new Error(`${where}: ${key} is ${JSON.stringify(name)}; known are ${[...activations.keys()].join(', ')}`)
  return found
}

export function activationName(activation: 'gelu' | 'gelu-tanh' | 'relu'): string {
  return activation === 'gelu-tanh' ? 'gelu_new' : activation
}

/** Whether the config says that the tables of input and output are one (transformers' default). */
export function isTied(raw: Json): boolean {
  return field(raw, 'tie_word_embeddings') !== false
}
