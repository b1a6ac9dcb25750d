// Our side of `published-trainer`: one fine-tuning of a published encoder, in a process of its own. A line of JSON (FineTuneRequest) on stdin, the same for
// bench/peers/fine_tune.py, and a line (FineTuned) on stdout. What is timed goes from texts to the trained model, with a validation after each epoch.

import { createInterface } from 'node:readline'
import { type AdaptSettings, adapt, classification, load } from 'thaw'
import { peakMemory } from '../peer.js'

interface Text {
  text: string
  label: string
}

type Hyperparameters = Pick<AdaptSettings, 'epochs' | 'batch' | 'rate' | 'warmup' | 'dropout' | 'clip' | 'weightDecay' | 'maxLength' | 'seed'>

export interface FineTuneRequest extends Hyperparameters {
  /** Folder of the encoder. */
  model: string
  labels: string[]
  train: Text[]
  /** Chooses the epoch. */
  valid: Text[]
  test: Text[]
  threads: number
}

export interface FineTuned {
  /** Accuracy on the held-out texts after each epoch; the best one, or the later of two, is kept. */
  epochs: number[]
  /** 1 where a test text was labelled rightly. */
  right: number[]
  seconds: number
  peakBytes: number
}

for await (const line of createInterface({ input: process.stdin })) {
  const { model: folder, labels, train, valid, test, ...settings } = JSON.parse(line) as FineTuneRequest
  const backbone = await load(folder)
  const start = performance.now()
  const { model, report } = await adapt(backbone, classification({ labels }), { ...settings, train, valid, pooling: 'mean' })
  const seconds = (performance.now() - start) / 1000
  const rows = await model.probabilities(test)
  const right = rows.map((row, i) => Number(labels[row.indexOf(Math.max(...row))] === test[i]!.label))
  await model.dispose()
  const epochs = report.epochs.map(({ accuracy }) => accuracy)
  console.log(JSON.stringify({ epochs, right, seconds, peakBytes: peakMemory() } satisfies FineTuned))
}
process.exit(0)
