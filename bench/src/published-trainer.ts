// Fine-tuning all-MiniLM-L6-v2 here and with Hugging Face Trainer: TREC-6, and SST-2 with a fixed 5,000 of its training sentences. The same hyper-parameters,
// fixed beforehand, on both sides: mean pooling, batches of similar lengths, AdamW with clipping, linear warm-up and decay; a held-out part of the training texts
// chooses the epoch, the test texts are looked at once. Three seeds a side, alternating, two threads, a process a run; runs are kept in
// bench/.cache/published-trainer.jsonl, so that the whole goes on where it was stopped.

import { join } from 'node:path'
import { type Example, readSst2, readTrec, split, subset } from 'thaw'
import { accuracyOf } from './adapted.js'
import type { BenchOptions } from './benchmark.js'
import { dataFolder, modelsFolder } from './data.js'
import { startPeer, startSide } from './peer.js'
import { type Row, ratio } from './row.js'
import { keptRuns } from './runs.js'
import type { FineTuned, FineTuneRequest } from './sides/fine-tune.js'
import { deviation, mean, median, pairedBootstrap, verdict } from './statistics.js'

export const about =
  'fine-tuning a published encoder beside Hugging Face Trainer: accuracy, time, memory; trec, sst2 (three seeds a side, hours, resumable)'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined => {
  const what = `Fine-tuning all-MiniLM-L6-v2 on ${config.name === 'trec' ? 'TREC-6' : "5,000 of SST-2's sentences"}`
  return { test_accuracy: `${what}: accuracy`, wall_clock: `${what}: time` }[metric]
}

const bench = 'published-trainer'
const peerName = 'Hugging Face Trainer, transformers 5.23.0, PyTorch 2.13.0'
const settings = { batch: 32, rate: 2e-4, dropout: 0.1, clip: 1, weightDecay: 0.01, maxLength: 128, threads: 2 }

interface Configuration {
  epochs: number
  read(): Promise<Record<'train' | 'valid' | 'test', Example[]> & { labels: string[] }>
}

const configurations: Record<string, Configuration> = {
  trec: { epochs: 6, read: () => readTrec(join(dataFolder(), 'trec')) },
  sst2: {
    epochs: 4,
    async read() {
      const { train, test, labels } = await readSst2(join(dataFolder(), 'sst2'))
      return { ...split(subset(train, 5000, 1), { fraction: 0.1, seed: 1 }), test, labels }
    },
  },
}

type Side = 'ours' | 'peer'

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const once = keptRuns(quick ? `${bench}-quick` : bench)
  const rows: Row[] = []
  for (const [name, configuration] of Object.entries(configurations)) {
    if (only.length > 0 && !only.includes(name)) continue
    const runs: Record<Side, FineTuned[]> = { ours: [], peer: [] }
    const request = await requestOf(configuration, quick)
    const { model: _, labels: __, train, valid, test, ...described } = request
    const sizes = { train: train.length, valid: valid.length, test: test.length }
    for (const seed of quick ? [1] : [1, 2, 3])
      for (const side of ['ours', 'peer'] as const)
        runs[side].push(
          await once({ name, side, ...described, ...sizes, seed }, async () => {
            await using process = side === 'ours' ? startSide('fine-tune') : startPeer('fine_tune.py')
            const result = await process.ask<FineTuned>({ ...request, seed })
            log(
              `${name}, ${side}, seed ${seed}: ${accuracyOf(result.right).toFixed(1)} %, ${result.seconds.toFixed(0)} s (validation ${result.epochs})`,
            )
            return result
          }),
        )
    rows.push(...rowsOf(name, { ...sizes, ...described }, runs))
  }
  return rows
}

async function requestOf({ epochs, read }: Configuration, quick: boolean): Promise<Omit<FineTuneRequest, 'seed'>> {
  const { train, valid, test, labels } = await read()
  const plain = (examples: readonly Example[]) => examples.map(({ text, label }) => ({ text, label: label! }))
  const some = quick ? { train: subset(train, 64, 1), valid: valid.slice(0, 32), test: test.slice(0, 64) } : { train, valid, test }
  const steps = (quick ? 1 : epochs) * Math.ceil(some.train.length / settings.batch)
  return {
    ...{ model: join(modelsFolder(), 'all-MiniLM-L6-v2'), labels, epochs: quick ? 1 : epochs, warmup: Math.max(1, Math.round(0.06 * steps)) },
    ...{ train: plain(some.train), valid: plain(some.valid), test: plain(some.test), ...settings },
  }
}

function rowsOf(name: string, described: Record<string, unknown>, { ours, peer }: Record<Side, FineTuned[]>): Row[] {
  const config = { name, ...described }
  const of = (runs: readonly FineTuned[], value: (run: FineTuned) => number) => runs.map(value)
  const difference = pairedBootstrap(
    ours.map(({ right }) => right),
    peer.map(({ right }) => right),
    { seed: 1 },
  )
  const interval = { low: 100 * difference.low, high: 100 * difference.high, verdict: verdict(difference) }
  const accuracies = (runs: readonly FineTuned[]) => of(runs, ({ right }) => accuracyOf(right))
  const chosen = (runs: readonly FineTuned[]) => of(runs, ({ epochs }) => 100 * Math.max(...epochs))
  const accuracy = (metric: string, values: (runs: readonly FineTuned[]) => number[]): Row => ({
    ...{ bench, config: { ...config, peer_sd: deviation(values(peer)) }, metric, unit: '%', ours: mean(values(ours)), peer: mean(values(peer)) },
    ...{ peerName, seeds: ours.length, sd: deviation(values(ours)) },
  })
  const less = (metric: string, unit: string, value: (run: FineTuned) => number): Row => {
    const [mine, theirs] = [median(of(ours, value)), median(of(peer, value))]
    return { bench, config, metric, unit, ours: mine, peer: theirs, peerName, ratio: ratio(mine, theirs, 'lower'), seeds: ours.length }
  }
  return [
    accuracy('test_accuracy', accuracies),
    accuracy('valid_accuracy', chosen),
    {
      ...{ bench, config: { ...config, ...interval }, metric: 'accuracy_difference', unit: 'points' },
      ...{ ours: 100 * difference.difference, peerName, seeds: ours.length },
    },
    less('wall_clock', 's', ({ seconds }) => seconds),
    less('peak_memory', 'bytes', ({ peakBytes }) => peakBytes),
  ]
}
