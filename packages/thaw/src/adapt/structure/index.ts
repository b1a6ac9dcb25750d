// Changes of a model's structure: what a pretrained model gets to fit a task of another shape.

export { type AddedEmbeddings, withEmbeddings } from './embeddings.js'
export { type EncoderDecoderOptions, type EncoderDecoderStart, encoderDecoderFrom } from './encoder-decoder.js'
export { adaptToTranslation, type TextPair, type TranslationOptions, type Translator } from './translation.js'
