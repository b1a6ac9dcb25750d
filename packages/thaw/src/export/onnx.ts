// A classifier as ONNX files in the folder that transformers.js expects: onnx/model.onnx, onnx/model_fp16.onnx, onnx/model_quantized.onnx, and
// a config.json whose `model_type` makes it a text-classification pipeline. The graph is all that runs, so that type only has to be one that is fed ids
// and a mask: whatever the backbone, it is called bert.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createExecutor, type FoldedParameters, foldParameters, type Precision, writeOnnx } from '@thaw/tensor'
import { severalLabels } from '../hub/config-json.js'
import { deployedGraph } from './graph.js'
import type { ExportSource } from './source.js'
import { exportedTokenizer } from './tokenizer.js'

/** How numbers are kept: fp32, fp16 (weights, and products with them, in halves), int8 (weights in bytes, products of integers). */
export const exportDtypes = ['fp32', 'fp16', 'int8'] as const
export type ExportDtype = (typeof exportDtypes)[number]

/** Each kind's file in `onnx/`, and what transformers.js calls it. */
export const onnxFiles: Readonly<Record<ExportDtype, { file: string; transformersJs: string; precision: Precision }>> = {
  fp32: { file: 'model.onnx', transformersJs: 'fp32', precision: 'f32' },
  fp16: { file: 'model_fp16.onnx', transformersJs: 'fp16', precision: 'f16' },
  int8: { file: 'model_quantized.onnx', transformersJs: 'q8', precision: 'i8' },
}

type Classifying = ExportSource & { classifier: NonNullable<ExportSource['classifier']> }

/** A classifier's graph, with what it computes from its parameters alone computed: ready to be written. */
export async function foldedClassifier({ config, classifier, clf, parameters }: Classifying): Promise<FoldedParameters> {
  await using executor = await createExecutor({ threads: 1 })
  return await foldParameters(executor, { logits: deployedGraph(config, classifier, clf) }, parameters)
}

/** The bytes of an ONNX file with inputs `input_ids` and `attention_mask` (and `token_type_ids` for pairs) [batch, time] (i64) and output `logits` [batch, labels]. */
export const onnxBytes = ({ outputs, parameters }: FoldedParameters, dtype: ExportDtype): Uint8Array =>
  writeOnnx(outputs, { parameters, precision: onnxFiles[dtype].precision })

/** Fills a folder. The first kind is the one that transformers.js takes where it is told nothing. */
export async function writeOnnxFolder(folder: string, source: Classifying, dtypes: readonly ExportDtype[]): Promise<void> {
  const { classifier, config, tokenizer, clf } = source
  const folded = await foldedClassifier(source)
  await mkdir(join(folder, 'onnx'))
  for (const dtype of dtypes) await writeFile(join(folder, 'onnx', onnxFiles[dtype].file), onnxBytes(folded, dtype))
  const saved = exportedTokenizer(tokenizer, {
    maxLength: classifier.maxLength - (clf === undefined ? 0 : 1),
    segments: classifier.segments,
  })
  await saved.save(folder)
  const labels = [...classifier.labels]
  const described = {
    architectures: ['BertForSequenceClassification'],
    model_type: 'bert',
    problem_type: classifier.task === 'multi-label' ? severalLabels : 'single_label_classification',
    id2label: Object.fromEntries(labels.entries()),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
    vocab_size: config.vocabulary,
    hidden_size: config.hidden,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.inner,
    max_position_embeddings: config.positions,
    pad_token_id: saved.pad ?? 0,
    'transformers.js_config': { dtype: onnxFiles[dtypes[0]!].transformersJs },
  }
  await writeFile(join(folder, 'config.json'), `${JSON.stringify(described, null, 2)}\n`)
}
