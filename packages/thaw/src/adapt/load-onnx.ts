// A published encoder that comes as an ONNX file instead of safetensors, as many do: the same backbone as from a checkpoint.

import { readOnnxFile } from '@thaw/tensor'
import { onnxBackbone } from '../hub/onnx-backbone.js'
import { loadTokenizer } from '../text/tokenizer/index.js'
import type { Backbone } from './backbone.js'

/**
 * Loads a BERT-shaped encoder from an ONNX file. `tokenizer` is the folder of its tokenizer.json; default: the file's own, or the one above it
 * where that is called `onnx`, as Hugging Face's are laid out.
 *
 * ```ts
 * const backbone = await loadOnnx('./all-MiniLM-L6-v2/onnx/model.onnx')
 * await adapt(backbone, classification({ labels }), { train, valid })
 * ```
 *
 * @throws OnnxError for what cannot be read, and an Error where the file holds another kind of model.
 */
export async function loadOnnx(file: string, options: { tokenizer?: string } = {}): Promise<Backbone> {
  const { config, parameters } = onnxBackbone(readOnnxFile(file))
  const folder = options.tokenizer ?? (file.replace(/(^|[/\\])(onnx[/\\])?[^/\\]*$/, '$1') || '.')
  return { source: file, config, tokenizer: await loadTokenizer(folder), parameters, details: { model: config } }
}
