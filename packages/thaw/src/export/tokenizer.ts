// A tokenizer as other programs want it: what the exported graph expects (how long, padded where, which inputs) stands in tokenizer_config.json.

import { saveTokenizer } from '#save-tokenizer'
import { clfToken } from '../tasks/inputs.js'
import type { Tokenizer } from '../text/tokenizer/index.js'
import type { TokenizerJson } from '../text/tokenizer/json.js'
import { withLastToken } from '../text/tokenizer/template.js'

export interface ExportedTokenizerOptions {
  /** Tokens of the longest text, special ones included. */
  maxLength: number
  /** Id of the [CLF] token, where the tokenizer has to put it at the end of each text. */
  clf?: number
  /** The model takes token types. */
  segments?: boolean | undefined
}

/** Something that saves the tokenizer into a folder; `pad` is the id that texts are padded with there, undefined where no token will do. */
export function exportedTokenizer(
  tokenizer: Tokenizer,
  { maxLength, clf, segments }: ExportedTokenizerOptions,
): { pad: number | undefined; save(folder: string): Promise<void> } {
  const json = tokenizer.toJSON() as TokenizerJson
  const { special } = tokenizer
  const pad = special.pad ?? special.eos
  return {
    pad: pad?.id,
    save: (folder) =>
      saveTokenizer(
        folder,
        {
          ...json,
          truncation: null,
          padding: null,
          ...(clf === undefined
            ? {}
            : { post_processor: withLastToken(json.post_processor, { token: clfToken, id: clf }, (id) => tokenizer.idToToken(id)) }),
        },
        {
          // the graph takes a mask for what is padding, so that any token will do for it
          pad_token: pad?.token ?? tokenizer.idToToken(0)!,
          model_max_length: maxLength,
          padding_side: 'right',
          truncation_side: 'right',
          model_input_names: ['input_ids', ...(segments ? ['token_type_ids'] : []), 'attention_mask'],
        },
        special,
      ),
  }
}
