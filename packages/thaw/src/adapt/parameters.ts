// What a model to be adapted starts from: which parameters come from the checkpoint, which are new, which are left over; and the row of an added token,
// which can be trained while the table it stands in stays as it is.

import { ops, parameter, type Store, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../models/config.js'
import { clfToken } from '../tasks/inputs.js'
import { type Tokenizer, tokenizerFromJSON } from '../text/tokenizer/index.js'
import { initialise } from '../train/initialise.js'
import type { Backbone } from './backbone.js'
import type { AdaptSettings } from './settings.js'

/** What became of a checkpoint's parameters. */
export interface PartialLoad {
  loaded: string[]
  /** Parameters that start from random values: heads, and rows of added tokens (`embeddings.token.weight[8000:8001]`). */
  fresh: string[]
  unused: string[]
}

export const tokenTable = 'embeddings.token.weight'

/** Where the row of an added token is while it is trained on its own. */
export const addedRow = 'embeddings.token.added'

/** For pooling `clf`: a tokenizer with the [CLF] token, and a table with a row for it. The backbone itself stays as it is. */
export function withClf(
  backbone: Pick<Backbone, 'tokenizer' | 'config'>,
  settings: Pick<AdaptSettings, 'pooling'>,
): { tokenizer: Tokenizer; config: TransformerConfig; clf: number | undefined } {
  const tokenizer = tokenizerFromJSON(structuredClone(backbone.tokenizer.toJSON()) as never)
  if (settings.pooling !== 'clf') return { tokenizer, config: backbone.config, clf: undefined }
  const [clf] = tokenizer.addTokens([clfToken], { special: true })
  return { tokenizer, config: { ...backbone.config, vocabulary: Math.max(backbone.config.vocabulary, tokenizer.size) }, clf }
}

/**
 * Fills the store: from the backbone what it has and the model wants (nothing where the scheme is `scratch`), random values elsewhere.
 *
 * @throws where a parameter has another shape than the model needs.
 */
export async function fill(
  params: Store,
  shapes: ReadonlyMap<string, readonly number[]>,
  backbone: Backbone,
  settings: AdaptSettings,
  clf: number | undefined,
): Promise<PartialLoad> {
  await initialise(params, shapes, settings.seed)
  const load: PartialLoad = { loaded: [], fresh: [], unused: [] }
  for (const [path, shape] of shapes) {
    const given = backbone.parameters.get(path)
    // of heads only the language model's goes on: it is part of what was pretrained
    if (settings.scheme === 'scratch' || !given || (path.startsWith('heads.') && !path.startsWith('heads.mlm.'))) {
      load.fresh.push(path)
      continue
    }
    const same = String(given.shape) === String(shape)
    const longer = (path === tokenTable || path === 'heads.mlm.bias') && given.shape[1] === shape[1] && given.shape[0]! < shape[0]!
    if (!same && !longer) throw new Error(`${backbone.source}: ${path} is [${given.shape}], the model needs [${shape}]`)
    // published tables often have spare rows at their end: a new token takes one, and starts anew in it
    const spare = path === tokenTable && same && clf !== undefined && backbone.tokenizer.tokenToId(clfToken) === undefined
    const random = spare ? (await params.read(path)).subarray(clf * shape[1]!, (clf + 1) * shape[1]!) : undefined
    await params.write(path, given.data)
    if (random) await params.write(path, random, clf! * shape[1]!)
    load.loaded.push(path)
    if (longer) load.fresh.push(`${path}[${given.shape[0]}:${shape[0]}]`)
    if (spare) load.fresh.push(`${path}[${clf}:${clf + 1}]`)
  }
  const wanted = new Set(load.loaded)
  load.unused = [...backbone.parameters.keys()].filter((path) => !wanted.has(path))
  return load
}

/** The token table with one row in its place taken from a parameter of its own: the table is frozen, the row is trained. */
export function tableWithRow(
  table: Tensor,
  id: number,
  row: Tensor = parameter(addedRow, [1, table.shape[1] as number]),
): { table: Tensor; row: Tensor } {
  const rows = table.shape[0] as number
  const after = id + 1 < rows ? [ops.slice(table, 0, id + 1)] : []
  return { row, table: ops.concat([...(id > 0 ? [ops.slice(table, 0, 0, id)] : []), row, ...after]) }
}
