// The configuration of a Transformer backbone: one plain value that says everything about its shape.
// GPT-2 is { block: 'pre', causal: true }, BERT { block: 'post', causal: false, segments: 2 }, the tutorial's model { block: 'tutorial' };
// every other combination is a model too. The table of parameter paths that follows from it is in `shapes.ts`.

/** What a Transformer backbone looks like. Sizes are counts; `dropout` is a probability, `normEpsilon` is added to the variance. */
export interface TransformerConfig {
  /** Rows of the token embedding. */
  vocabulary: number
  /** Width of the residual stream. */
  hidden: number
  /** Width of the embeddings where it is not that of the layers: a linear layer leads from one to the other (ELECTRA: Clark et al. 2020). */
  embedding?: number
  layers: number
  /** Attention heads; they divide `hidden`. */
  heads: number
  /** Width of the feed-forward layer. */
  inner: number
  /** Longest input in tokens. */
  positions: number
  /** Where the norms stand: before each part (GPT-2), after it (BERT), or on the residual stream itself (the tutorial). */
  block: 'pre' | 'post' | 'tutorial'
  /** Whether a token sees only those before it. */
  causal: boolean
  positionKind: 'learned' | 'sinusoidal'
  activation: 'gelu' | 'gelu-tanh' | 'relu'
  dropout: number
  normEpsilon: number
  /** Rows of the segment embedding; 0 where there is none. */
  segments: number
  /** Whether there is BERT's dense + tanh over the first token. */
  pooler: boolean
}

type Check = (value: unknown) => string | undefined

const count: Check = (value) => (Number.isSafeInteger(value) && (value as number) > 0 ? undefined : 'a whole number of at least 1')
const countOrNone: Check = (value) => (Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : 'a whole number of at least 0')
const flag: Check = (value) => (typeof value === 'boolean' ? undefined : 'true or false')
const probability: Check = (value) => (typeof value === 'number' && value >= 0 && value < 1 ? undefined : 'a number from 0 up to, not including, 1')
const positive: Check = (value) => (typeof value === 'number' && value > 0 && value < Infinity ? undefined : 'a number above 0')
const oneOf =
  (...values: string[]): Check =>
  (value) =>
    values.includes(value as string) ? undefined : `one of ${values.map((word) => `'${word}'`).join(', ')}`

const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined ? undefined : check(value)

const checks = new Map<string, Check>(
  Object.entries({
    vocabulary: count,
    hidden: count,
    embedding: optional(count),
    layers: count,
    heads: count,
    inner: count,
    positions: count,
    block: oneOf('pre', 'post', 'tutorial'),
    causal: flag,
    positionKind: oneOf('learned', 'sinusoidal'),
    activation: oneOf('gelu', 'gelu-tanh', 'relu'),
    dropout: probability,
    normEpsilon: positive,
    segments: countOrNone,
    pooler: flag,
  } satisfies Record<keyof Required<TransformerConfig>, Check>),
)

/**
 * Checks a configuration from outside (a file, a caller) and returns it as a new object with its keys in a fixed order.
 * Throws an error that names the key, what was expected and what came; `where` begins the message (a file, by default `config`).
 *
 *     validateConfig({ ...config, heads: 5 })  // Error: config: heads is 5, which does not divide hidden, 16; choose one of 1, 2, 4, 8, 16
 */
export function validateConfig(config: unknown, where = 'config'): TransformerConfig {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new Error(`${where}: expected an object with the keys ${[...checks.keys()].join(', ')}; got ${show(config)}`)
  }
  const given = new Map(Object.entries(config))
  for (const key of given.keys()) {
    if (!checks.has(key)) throw new Error(`${where}: unknown key '${key}'; the keys are ${[...checks.keys()].join(', ')}. Remove or correct it.`)
  }
  for (const [key, check] of checks) {
    if (!given.has(key) && check(undefined)) throw new Error(`${where}: ${key} is missing; expected ${check(undefined)}`)
    const expected = check(given.get(key))
    if (expected) throw new Error(`${where}: ${key} must be ${expected}; got ${show(given.get(key))}`)
  }
  const valid = Object.fromEntries(
    [...checks.keys()].filter((key) => given.get(key) !== undefined).map((key) => [key, given.get(key)]),
  ) as unknown as TransformerConfig
  if (valid.hidden % valid.heads !== 0) {
    const choices = divisors(valid.hidden)
    throw new Error(`${where}: heads is ${valid.heads}, which does not divide hidden, ${valid.hidden}; choose one of ${choices.join(', ')}`)
  }
  return valid
}

function divisors(n: number): number[] {
  const found: number[] = []
  for (let d = 1; d <= Math.min(n, 64); d++) if (n % d === 0) found.push(d)
  return found
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value)).slice(0, 80)
}
