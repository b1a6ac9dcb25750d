// A tokenizer as other programs want it: what the exported graph expects (how long, padded where, which inputs) stands in tokenizer_config.json.

import { saveTokenizer } from '#save-tokenizer'
import { clfToken } from '../tasks/inputs.js'
import type { Tokenizer } from '../text/tokenizer/index.js'
import type { Component, TokenizerJson } from '../text/tokenizer/json.js'
import { asTemplate, withLastToken } from '../text/tokenizer/template.js'

export interface ExportedTokenizerOptions {
  /** Tokens of the longest text, special ones included. */
  maxLength: number
  /** Id of the [CLF] token, where the tokenizer has to put it at the end of each text. */
  clf?: number
  /** The model takes token types. */
  segments?: boolean | undefined
  /** It is for transformers.js before others. */
  javaScript?: boolean
}

/** The kind of tokenizer whose name tells transformers.js to give out token types, with what Python wants to know to rebuild it by that name. */
function bertTokenizer({ model, normalizer, pre_tokenizer }: TokenizerJson): Record<string, unknown> | undefined {
  if (model.type !== 'WordPiece' || normalizer?.type !== 'BertNormalizer' || pre_tokenizer?.type !== 'BertPreTokenizer') return undefined
  return {
    tokenizer_class: 'BertTokenizer',
    do_lower_case: normalizer.lowercase,
    strip_accents: normalizer.strip_accents ?? null,
    tokenize_chinese_chars: normalizer.handle_chinese_chars,
  }
}

/**
 * Something that saves the tokenizer into a folder; `pad` is the id that texts are padded with there, undefined where no token will do; `typesAsked` says that
 * transformers.js gives out token types only where it is asked for them.
 */
export function exportedTokenizer(
  tokenizer: Tokenizer,
  { maxLength, clf, segments, javaScript = false }: ExportedTokenizerOptions,
): { pad: number | undefined; typesAsked: boolean; save(folder: string): Promise<void> } {
  const json = tokenizer.toJSON() as TokenizerJson
  const { special } = tokenizer
  const pad = special.pad ?? special.eos
  const named = javaScript && segments ? bertTokenizer(json) : undefined
  const tokenOf = (id: number) => tokenizer.idToToken(id)
  return {
    pad: pad?.id,
    typesAsked: segments === true && named === undefined,
    save: (folder) =>
      saveTokenizer(
        folder,
        {
          ...json,
          truncation: null,
          padding: null,
          ...(clf === undefined ? {} : { post_processor: withLastToken(json.post_processor, { token: clfToken, id: clf }, tokenOf) }),
          ...(javaScript && placesNothing(json.post_processor) ? { post_processor: asTemplate(json.post_processor, tokenOf) } : {}),
        },
        {
          ...named,
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

/** No tokens are put around texts. `@huggingface/tokenizers` then forgets the second text, or gives out no token types; a template says the same to it. */
const placesNothing = (config: Component | null): boolean => config?.type === undefined || config.type === 'ByteLevel'
