// What this folder needs of a tokenizer, and how a worker thread gets one of its own: a tokenizer cannot be sent to a thread, its JSON can.

/** The part of a tokenizer that corpora use. */
export interface TokenizerLike {
  /** Token ids of a text, without special tokens around it. */
  ids(text: string): Int32Array
  /** The content of `tokenizer.json`. */
  toJSON(): object
  /** Number of ids: every id is below it. */
  readonly size: number
}

/** Where a thread finds the function that makes a tokenizer from its JSON. */
export interface TokenizerLoader {
  /** URL of a module. */
  module: string
  /** Name of the exported function `(json: object) => TokenizerLike | Promise<TokenizerLike>`. */
  export: string
}

/** Loads a tokenizer inside a thread. */
export async function makeTokenizer(loader: TokenizerLoader, json: object): Promise<TokenizerLike> {
  const module = (await import(loader.module)) as Record<string, unknown>
  const make = module[loader.export]
  if (typeof make !== 'function')
    throw new Error(`${loader.module}: expected an exported function '${loader.export}'; exports: ${Object.keys(module).join(', ')}`)
  return (await make(json)) as TokenizerLike
}
