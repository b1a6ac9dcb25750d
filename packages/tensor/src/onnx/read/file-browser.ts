// In a page there are no files beside a model: what file.ts offers in Node is refused here, with the way out.

import { OnnxError } from './messages.js'
import type { ImportedModel, ReadOptions } from './read-onnx.js'

/** Not in a browser. @throws OnnxError always. */
export function readOnnxFile(path: string, _options?: Omit<ReadOptions, 'file' | 'external'>): ImportedModel {
  throw new OnnxError(`${path}: a page has no files: fetch the model and give its bytes to readOnnx`)
}
