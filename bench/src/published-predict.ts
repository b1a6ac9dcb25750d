// Prediction with a classifier on all-MiniLM-L6-v2, as an application calls it: text in, label and probability out, one text at a time and 32. Ours is the saved
// folder through `loadClassifier`; transformers.js has its exported ONNX file in a `text-classification` pipeline; PyTorch its exported safetensors in
// transformers' own class (hence pooling `first`). Two threads a side, a process each, alternating; all sides have to give the same answers.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adapt, classification, exportCheckpoint, load, readTrec, subset } from 'thaw'
import type { BenchOptions } from './benchmark.js'
import { dataFolder, modelsFolder } from './data.js'
import { type Peer, startPeer, startSide } from './peer.js'
import { type Row, ratio } from './row.js'
import type { PredictAnswer } from './sides/predict.js'
import { median } from './statistics.js'

export const about = 'texts/s and latency of a classifier at batch 1 and 32, from text to label, beside transformers.js and PyTorch'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined => {
  const batch = String(config.name).split(',')[0]
  if (metric === 'texts_per_second') return `Prediction with a fine-tuned all-MiniLM-L6-v2, ${batch}`
  return metric === 'time_to_first_answer' && batch === 'batch 1' ? 'From nothing to its first answer' : undefined
}

const bench = 'published-predict'
const peers = { 'transformers.js': 'transformers.js 4.3.1, onnxruntime-node', PyTorch: 'transformers 5.23.0, PyTorch 2.13.0 eager' }
type SideName = 'ours' | keyof typeof peers

/** How many of the test questions a round has, by batch. */
const questions: Record<string, number> = { 1: 100, 32: 480 }

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const root = await mkdtemp(join(tmpdir(), 'thaw-predict-'))
  try {
    const texts = await writeModels(root)
    await using ours = startSide('predict', ['ours', join(root, 'thaw')])
    await using js = startSide('predict', ['transformers-js', join(root, 'onnx')])
    await using torch = startPeer('predict.py', [join(root, 'python')])
    const sides: Record<SideName, Peer> = { ours, 'transformers.js': js, PyTorch: torch }
    const rows: Row[] = []
    for (const batch of [1, 32]) {
      if (only.length > 0 && !only.includes(String(batch))) continue
      const given = texts.slice(0, quick ? 2 * batch + 14 : questions[batch])
      rows.push(...(await measure(sides, given, batch, quick ? 2 : 9, log)))
    }
    return rows
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** A classifier as each side takes it, in folders of ROOT: speed does not depend on how well it is trained. Returns the test questions. */
async function writeModels(root: string): Promise<string[]> {
  const { train, valid, test, labels } = await readTrec(join(dataFolder(), 'trec'))
  const { model } = await adapt(await load(join(modelsFolder(), 'all-MiniLM-L6-v2')), classification({ labels }), {
    ...{ train: subset(train, 128, 1), valid: valid.slice(0, 16), pooling: 'first', epochs: 2, batch: 32, rate: 2e-4, headFactor: 5 },
  })
  await model.save(join(root, 'thaw'))
  await model.dispose()
  await exportCheckpoint(join(root, 'thaw'), { to: 'onnx', out: join(root, 'onnx') })
  await exportCheckpoint(join(root, 'thaw'), { to: 'safetensors', out: join(root, 'python') })
  return test.map(({ text }) => text)
}

async function measure(
  sides: Record<SideName, Peer>,
  texts: readonly string[],
  batch: number,
  rounds: number,
  log: BenchOptions['log'],
): Promise<Row[]> {
  const names = Object.keys(sides) as SideName[]
  const ask = (side: SideName) => sides[side].ask<PredictAnswer>({ texts, batch })
  const perSide = <T>(value: () => T) => Object.fromEntries(names.map((name) => [name, value()])) as Record<SideName, T>
  const [latencies, rates] = [perSide<number[]>(() => []), perSide<number[]>(() => [])]
  const last = perSide<PredictAnswer | undefined>(() => undefined) as Record<SideName, PredictAnswer>
  for (const side of names) await ask(side)
  for (let round = 0; round < rounds; round++)
    for (const side of names) {
      last[side] = await ask(side)
      const { milliseconds } = last[side]
      const seconds = milliseconds.reduce((a, b) => a + b, 0) / 1000
      latencies[side].push(median(milliseconds))
      rates[side].push(texts.length / seconds)
      log(`batch ${batch}, ${side}: ${median(milliseconds).toFixed(1)} ms a batch, ${(texts.length / seconds).toFixed(0)} texts/s`)
    }
  const rows: Row[] = []
  for (const [name, peerName] of Object.entries(peers) as [keyof typeof peers, string][]) {
    sameAnswers(last.ours, last[name], texts, name)
    const config = { name: `batch ${batch}, beside ${name}`, threads: 2, texts: texts.length, alternations: rounds }
    const row = (metric: string, unit: string, of: (side: SideName) => number, better: 'higher' | 'lower'): Row => ({
      ...{ bench, config, metric, unit, ours: of('ours'), peer: of(name), peerName, ratio: ratio(of('ours'), of(name), better) },
    })
    rows.push(
      row('latency', 'ms', (side) => median(latencies[side]), 'lower'),
      row('texts_per_second', 'texts/s', (side) => median(rates[side]), 'higher'),
      row('time_to_first_answer', 'ms', (side) => last[side].loaded, 'lower'),
      row('peak_memory', 'bytes', (side) => last[side].peakBytes, 'lower'),
    )
  }
  return rows
}

/** @throws where two sides do not do the same work. */
function sameAnswers(ours: PredictAnswer, peer: PredictAnswer, texts: readonly string[], name: string): void {
  ours.answers.forEach(([label, score], i) => {
    const [other, otherScore] = peer.answers[i] ?? ['nothing', 0]
    if (label !== other || !(Math.abs(score - otherScore) < 1e-4))
      throw new Error(`${bench}: ${JSON.stringify(texts[i])} is ${label} with ${score} here and ${other} with ${otherScore} in ${name}`)
  })
}
