// The published encoder that is proposed to a user who names none, as data: what it is, under which licence, how large the download is. Checked by hand
// against its page on the hub and its files; nothing here is guessed at run time.

export interface PublishedEncoder {
  /** Its name on the hub. */
  name: string
  summary: string
  parameters: number
  layers: number
  hidden: number
  licence: string
  languages: readonly string[]
  /** Bytes of the files that are loaded: weights, tokenizer, configuration. */
  download: number
}

/** MiniLM (Wang et al. 2020), trained further for sentence embeddings (Reimers & Gurevych 2019): small enough to be fine-tuned on a laptop's CPU in minutes. */
export const defaultEncoder: PublishedEncoder = {
  name: 'sentence-transformers/all-MiniLM-L6-v2',
  summary: 'MiniLM, a small BERT-shaped encoder trained on sentence pairs',
  parameters: 22_713_216,
  layers: 6,
  hidden: 384,
  licence: 'Apache-2.0',
  languages: ['English'],
  download: 91_567_205,
}
