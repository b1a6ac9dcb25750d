// A model as ONNX files in the folder that transformers.js expects: onnx/model.onnx, onnx/model_fp16.onnx, onnx/model_quantized.onnx, and a config.json whose
// `model_type` decides what is fed to them. The graph is all that runs, so that type only has to be one that is fed ids and a mask: whatever the backbone, it
// is called bert. `architectures` names transformers' class for the task.

import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createExecutor, type FoldedParameters, foldParameters, type Precision, writeOnnx } from '@thaw/tensor'
import { severalLabels } from '../hub/config-json.js'
import { hasLabels, type Task } from '../tasks/task.js'
import { type DeployedGraphs, deployedGraphs } from './graph.js'
import { type DeployedSource, type ModelDetails, taskOf } from './source.js'
import { exportedTokenizer } from './tokenizer.js'

/** How numbers are kept: fp32, fp16 (weights, and products with them, in halves), int8 (weights in bytes, products of integers). */
export const exportDtypes = ['fp32', 'fp16', 'int8'] as const
export type ExportDtype = (typeof exportDtypes)[number]

/** What each kind's file in `onnx/` is called behind `model` or `head`, and by transformers.js. */
export const onnxFiles: Readonly<Record<ExportDtype, { ending: string; transformersJs: string; precision: Precision }>> = {
  fp32: { ending: '.onnx', transformersJs: 'fp32', precision: 'f32' },
  fp16: { ending: '_fp16.onnx', transformersJs: 'fp16', precision: 'f16' },
  int8: { ending: '_quantized.onnx', transformersJs: 'q8', precision: 'i8' },
}

type GraphName = keyof DeployedGraphs
const graphNames = ['model', 'head'] as const satisfies readonly GraphName[]

/** A model's graphs, each with what it computes from its parameters alone computed: ready to be written. */
async function foldedGraphs({ config, model, clf, parameters }: DeployedSource): Promise<[GraphName, FoldedParameters][]> {
  const graphs = deployedGraphs(config, model, clf)
  await using executor = await createExecutor({ threads: 1 })
  const folded: [GraphName, FoldedParameters][] = []
  for (const name of graphNames) {
    const outputs = graphs[name]
    if (outputs) folded.push([name, await foldParameters(executor, outputs, parameters)])
  }
  return folded
}

/** Writes a model's files, of each kind, into a folder, each in the place of what it has of that name. Returns their names with their sizes. */
export async function writeOnnxFiles(
  folder: string,
  source: DeployedSource,
  dtypes: readonly ExportDtype[],
): Promise<{ name: string; bytes: number }[]> {
  const folded = await foldedGraphs(source)
  await mkdir(folder, { recursive: true })
  const files: { name: string; bytes: number }[] = []
  for (const [graph, { outputs, parameters }] of folded)
    for (const dtype of dtypes) {
      const bytes = writeOnnx(outputs, { parameters, precision: onnxFiles[dtype].precision })
      const name = `${graph}${onnxFiles[dtype].ending}`
      const file = join(folder, name)
      await writeFile(`${file}.new`, bytes)
      await rename(`${file}.new`, file)
      files.push({ name, bytes: bytes.length })
    }
  return files
}

/** Fills a folder. The first kind is the one that transformers.js takes where it is told nothing. Returns what one should know about the files. */
export async function writeOnnxFolder(folder: string, source: DeployedSource, dtypes: readonly ExportDtype[]): Promise<string[]> {
  const { model, config, tokenizer, clf } = source
  await writeOnnxFiles(join(folder, 'onnx'), source, dtypes)
  const saved = exportedTokenizer(tokenizer, {
    maxLength: model.maxLength - (clf === undefined ? 0 : 1),
    segments: model.segments,
    javaScript: true,
  })
  await saved.save(folder)
  const described = {
    model_type: 'bert',
    ...taskConfig(taskOf(model), model),
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
  if (!saved.typesAsked) return []
  return [
    "the tokenizer is not of BERT's kind: ask it for token types, which transformers.js leaves out: tokenizer(…, { return_token_type_ids: true })",
  ]
}

/** What config.json says of the task: in transformers' keys what those have words for, the rest under `thaw`. */
function taskConfig(task: Task, { pooling }: ModelDetails): Record<string, unknown> {
  if (task.kind === 'multiple-choice') return { architectures: ['BertForMultipleChoice'], thaw: { task: task.kind, choices: task.choices, pooling } }
  const architectures = [task.form === 'two-tower' ? 'BertModel' : 'BertForSequenceClassification']
  const thaw = { task: task.kind, form: task.form, pooling }
  if (!hasLabels(task))
    return {
      architectures,
      problem_type: 'regression',
      num_labels: 1,
      id2label: { 0: 'LABEL_0' },
      label2id: { LABEL_0: 0 },
      thaw: { ...thaw, range: task.range },
    }
  return {
    architectures,
    problem_type: task.kind === 'multi-label' ? severalLabels : 'single_label_classification',
    id2label: Object.fromEntries(task.labels.entries()),
    label2id: Object.fromEntries(task.labels.map((label, i) => [label, i])),
    thaw,
  }
}
