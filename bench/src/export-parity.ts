// A fine-tuned classifier after its export: whether every runtime computes the trainer's logits, and what fewer bits cost. all-MiniLM-L6-v2 learns TREC-6 with
// fixed settings, by two poolings: `mean`, and `first`, which transformers has a class for. All 500 test questions go through the trainer's graph, ONNX Runtime's
// native and WASM builds, transformers.js in Node and in a page of Chromium (where there is one), and Python's transformers on the safetensors.

import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { adapt, type Backbone, classification, type Dataset, type ExportDtype, exportCheckpoint, load, loadTokenizer, readTrec, subset } from 'thaw'
import { fileLogits, rowsOf, trainerLogits } from '../../packages/thaw/dist/testing/logits.js'
import { accuracyOf } from './adapted.js'
import type { BenchOptions } from './benchmark.js'
import { dataFolder, modelsFolder } from './data.js'
import { startPeer } from './peer.js'
import type { Row } from './row.js'
import { pairedBootstrap, verdict } from './statistics.js'

export const about = 'logits of an exported classifier in ONNX Runtime, WASM, transformers.js and transformers; what fp16 and int8 cost (mean, first)'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined => {
  const { name, dtype, runtime } = config
  if (name !== 'mean') return undefined
  const elsewhere = dtype === 'fp32' && String(runtime).startsWith('transformers')
  if (metric === 'largest_difference') return elsewhere ? `Logits of the trainer and of ${String(runtime)}: largest difference` : undefined
  return runtime === 'onnxruntime-node' ? `TREC-6 of the exported ${String(dtype)} model` : undefined
}

const bench = 'export-parity'
const poolings = ['mean', 'first'] as const
const settings = { epochs: 3, batch: 32, rate: 2e-4, headFactor: 5, seed: 1 }

/** Each type's file, and what transformers.js calls it. */
const types: Record<ExportDtype, { file: string; dtype: 'fp32' | 'fp16' | 'q8' }> = {
  fp32: { file: 'model.onnx', dtype: 'fp32' },
  fp16: { file: 'model_fp16.onnx', dtype: 'fp16' },
  int8: { file: 'model_quantized.onnx', dtype: 'q8' },
}

type Logits = number[][]
/** The logits of some texts by the exported file of a type. */
type Runtime = (dtype: ExportDtype, texts: readonly string[]) => Promise<Logits>

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const backbone = await load(join(modelsFolder(), 'all-MiniLM-L6-v2'))
  const all = await readTrec(join(dataFolder(), 'trec'))
  const data = quick ? { ...all, train: subset(all.train, 64, 1), valid: all.valid.slice(0, 32), test: all.test.slice(0, 64) } : all
  const wanted = only.length > 0 ? poolings.filter((pooling) => only.includes(pooling)) : quick ? poolings.slice(0, 1) : poolings
  const root = await mkdtemp(join(tmpdir(), 'thaw-export-'))
  await using peer = startPeer('export_parity.py')
  const rows: Row[] = []
  try {
    for (const pooling of wanted) {
      await train(join(root, pooling), backbone, data, pooling, quick)
      await exportCheckpoint(join(root, pooling), { to: 'onnx', dtype: ['fp32', 'fp16', 'int8'], out: join(root, 'models', pooling) })
      await exportCheckpoint(join(root, pooling), { to: 'safetensors', out: join(root, `${pooling}-python`) })
    }
    const { noChromium } = await import('../../packages/tensor/dist/testing/browser.js')
    const { classify, configure } = await import('../../packages/thaw/dist/testing/transformers-page.js')
    await using page = noChromium ? undefined : await openModels(root)
    if (noChromium) log(`without Chromium: ${noChromium}`)
    for (const pooling of wanted) {
      const onnx = join(root, 'models', pooling)
      configure(join(root, 'models'))
      const runtimes: Record<string, Runtime> = {
        'onnxruntime-node': (dtype, texts) => fileLogits(onnx, types[dtype].file, texts),
        'onnxruntime-web (WASM) in Node': (dtype, texts) => webLogits(onnx, types[dtype].file, texts),
        'transformers.js in Node': async (dtype, texts) => (await classify(pooling, texts, types[dtype].dtype)).logits,
        ...(page ? { 'transformers.js (WASM) in Chromium': (dtype, texts) => page.logits(pooling, texts, types[dtype].dtype) } : {}),
      }
      rows.push(...(await compare(pooling, runtimes)))
    }
  } finally {
    await rm(root, { recursive: true, force: true })
  }
  return rows

  async function compare(pooling: string, runtimes: Record<string, Runtime>): Promise<Row[]> {
    const texts = data.test.map(({ text }) => text)
    const trainer = await trainerLogits(join(root, pooling), texts)
    // what a difference is to be seen beside
    const spread = Math.max(...trainer.flat()) - Math.min(...trainer.flat())
    const rightOf = (logits: Logits) => logits.map((row, i) => Number(data.labels[row.indexOf(Math.max(...row))] === data.test[i]!.label))
    const right = rightOf(trainer)
    const found: Row[] = []
    const parity = (runtime: string, dtype: ExportDtype, logits: Logits) => {
      const config = { name: pooling, dtype, runtime, texts: texts.length, spread_of_logits: spread }
      const ours = largest(logits, trainer)
      log(`${pooling}, ${dtype}, ${runtime}: logits differ by up to ${ours.toExponential(1)}`)
      found.push({ bench, config, metric: 'largest_difference', unit: '', ours, peerName: 'the trainer' })
    }
    const python = await peer.ask<{ logits: Logits; class: string }>({ folder: join(root, `${pooling}-python`), texts })
    parity(`transformers 5.23.0, ${python.class}`, 'fp32', python.logits)
    for (const dtype of Object.keys(types) as ExportDtype[])
      for (const [runtime, logitsOf] of Object.entries(runtimes)) {
        // transformers.js runs the same two builds: its own part is the same in every type
        const alone = runtime.startsWith('onnxruntime')
        if (dtype !== 'fp32' && !alone) continue
        const logits = await logitsOf(dtype, texts)
        parity(runtime, dtype, logits)
        if (!alone) continue
        const answers = rightOf(logits)
        const cost = pairedBootstrap([answers], [right], { seed: 1 })
        const config = { name: pooling, dtype, runtime, ...settings, low: 100 * cost.low, high: 100 * cost.high, verdict: verdict(cost) }
        const [ours, peer] = [accuracyOf(answers), accuracyOf(right)]
        found.push({ bench, config, metric: 'test_accuracy', unit: '%', ours, peer, peerName: 'the trainer', seeds: 1 })
      }
    return found
  }
}

async function train(folder: string, backbone: Backbone, data: Dataset, pooling: 'mean' | 'first', quick: boolean): Promise<void> {
  const { model } = await adapt(backbone, classification({ labels: data.labels }), {
    ...{ ...settings, ...(quick ? { epochs: 1 } : {}), train: data.train, valid: data.valid, pooling },
  })
  await model.save(folder)
  await model.dispose()
}

function largest(actual: Logits, expected: Logits): number {
  if (actual.length !== expected.length) throw new Error(`${bench}: logits of ${actual.length} texts, expected ${expected.length}`)
  return Math.max(...actual.flatMap((row, r) => row.map((value, i) => Math.abs(value - expected[r]![i]!))))
}

/** By ONNX Runtime's WASM build in this process, texts padded together. */
async function webLogits(folder: string, file: string, texts: readonly string[]): Promise<Logits> {
  const { InferenceSession, Tensor } = await import('onnxruntime-web')
  const tokenizer = await loadTokenizer(folder)
  const rows = texts.map((text) => tokenizer.encode(text).ids)
  const time = Math.max(...rows.map((row) => row.length))
  const given = (at: (row: readonly number[], place: number) => number) =>
    new Tensor(
      'int64',
      BigInt64Array.from(
        rows.flatMap((row) => Array.from({ length: time }, (_, place) => at(row, place))),
        BigInt,
      ),
      [rows.length, time],
    )
  const session = await InferenceSession.create(await readFile(join(folder, 'onnx', file)), { executionProviders: ['wasm'] })
  const { logits } = await session.run({ input_ids: given((row, i) => row[i] ?? 0), attention_mask: given((row, i) => Number(i < row.length)) })
  await session.release()
  return rowsOf(logits!.data as Float32Array, rows.length)
}

/** A page of Chromium with transformers.js, and the folders below ROOT/models. */
async function openModels(root: string) {
  const { bundle, openPage, serve } = await import('../../packages/tensor/dist/testing/browser.js')
  const site = await bundle(fileURLToPath(new URL('../../packages/thaw/dist/testing/transformers-page.js', import.meta.url)))
  await cp(join(root, 'models'), join(site.folder, 'models'), { recursive: true })
  // the WASM of the ONNX Runtime that transformers.js brings along
  const from = createRequire(createRequire(import.meta.url).resolve('@huggingface/transformers'))
  const name = 'ort-wasm-simd-threaded.asyncify'
  await mkdir(join(site.folder, 'wasm'))
  for (const end of ['mjs', 'wasm'])
    await cp(join(dirname(from.resolve('onnxruntime-web')), `${name}.${end}`), join(site.folder, 'wasm', `${name}.${end}`))
  const server = await serve(site.folder, { isolated: false })
  const { page, close } = await openPage(server.url)
  await page.evaluate((url) => window.exported.configure('/models/', `${url}wasm/`), server.url)
  return {
    logits: async (folder: string, texts: readonly string[], dtype: 'fp32' | 'fp16' | 'q8'): Promise<Logits> =>
      (await page.evaluate(([folder, texts, dtype]) => window.exported.classify(folder, texts, dtype), [folder, texts, dtype] as const)).logits,
    async [Symbol.asyncDispose]() {
      await close()
      await server.close()
      await site.remove()
    },
  }
}
