// Perplexity and its denominators. Two perplexities compare only where the summed loss is over the same text and the denominator is the same
// (Mielke, "Can you compare perplexity across different segmentations?", 2019): hence one function for each denominator, and bits a byte.

/**
 * Perplexity per token: exp(totalLoss / tokens).
 *
 * `totalLoss` is the sum of −ln p over the predicted tokens, in nats; `tokens` is the number of those predictions: the first token of a text
 * counts only if it was predicted (from a start token), and padding never does. It depends on the vocabulary: a model with smaller tokens has the lower
 * number for the same quality. Use it to compare runs with one tokenizer, `wordPerplexity` across tokenizers.
 *
 * ```ts
 * perplexity(2 * Math.log(8), 2)   // 8
 * ```
 */
export function perplexity(totalLoss: number, tokens: number): number {
  return Math.exp(totalLoss / positive('perplexity', 'tokens', tokens))
}

/**
 * Perplexity per word: exp(totalLoss / words), with the same summed loss in nats, over all tokens, as `perplexity`.
 *
 * The denominator decides: the published numbers of WikiText-2 and WikiText-103 count the words of the *tokenized* file, split at white space,
 * punctuation marks, `<unk>` and one end-of-line symbol for each line included (245,569 for WikiText-2's test set). A model that
 * reads detokenized text still divides by that count; say with the number how the text was detokenized and whether `<unk>` was predicted, skipped or spelt.
 *
 * ```ts
 * wordPerplexity(300, 60)   // 148.4…: e^5, whatever the number of tokens
 * ```
 */
export function wordPerplexity(totalLoss: number, words: number): number {
  return Math.exp(totalLoss / positive('wordPerplexity', 'words', words))
}

/**
 * Bits per byte: totalLoss / (bytes · ln 2), with the text's length in UTF-8. It depends neither on the tokenizer nor on what a word is.
 *
 * ```ts
 * bitsPerByte(Math.LN2 * 8, 4)   // 2
 * ```
 */
export function bitsPerByte(totalLoss: number, bytes: number): number {
  return totalLoss / Math.LN2 / positive('bitsPerByte', 'bytes', bytes)
}

function positive(where: string, name: string, value: number): number {
  if (!(value > 0)) throw new RangeError(`${where}: ${name} is ${value}, expected a count above 0; was the text empty?`)
  return value
}
