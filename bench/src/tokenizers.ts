// Tokenizers beside Python's `tokenizers` (Rust): time to train on 12 MB of Wikipedia, the same ids on 10,000 lines, and speed on one core.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { loadTokenizer, type Tokenizer, trainByteLevelBpe, trainWordLevel, trainWordPiece } from 'thaw'
import type { BenchOptions } from './benchmark.js'
import { dataFolder } from './data.js'
import { type Peer, startPeer } from './peer.js'
import { type Row, ratio } from './row.js'

export const about = 'training and speed of WordPiece, byte-level BPE and word-level tokenizers; ids against Python tokenizers'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'encode_speed' ? `Encoding with ${String(config.name)}` : undefined

const bench = 'tokenizers'
const peerName = 'Python tokenizers 0.23.3'

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!

interface Answer {
  ids: number[][]
  seconds: number
}

/** Trains, saves, loads in Python, and compares; three rows. */
async function measure(name: string, train: () => Promise<Tokenizer>, lines: string[], peer: Peer, folder: string): Promise<Row[]> {
  const began = performance.now()
  const trained = await train()
  const training = (performance.now() - began) / 1000
  await trained.save(join(folder, name))
  const tokenizer = await loadTokenizer(join(folder, name))
  const config = { name, vocabulary: tokenizer.size }
  const sample = lines.slice(0, 10_000)
  const megabytes = sample.reduce((sum, line) => sum + Buffer.byteLength(line), 0) / 1e6
  const path = join(folder, name, 'tokenizer.json')
  const { ids } = await peer.ask<Answer>({ path, texts: sample })
  const equal = sample.filter((line, index) => tokenizer.encode(line).ids.join() === ids[index]!.join()).length

  // Ids only on both sides (encode_batch_fast), each from a cold cache of words; alternating, five times, medians.
  const ours: number[] = []
  const theirs: number[] = []
  for (let run = 0; run < 5; run++) {
    const fresh = await loadTokenizer(join(folder, name))
    const start = performance.now()
    for (const line of sample) fresh.ids(line)
    ours.push((performance.now() - start) / 1000)
    theirs.push((await peer.ask<Answer>({ path, texts: sample, special: false, fast: true })).seconds)
  }
  const speed = { ours: megabytes / median(ours), peer: megabytes / median(theirs) }
  return [
    { bench, config, metric: 'training', unit: 's', ours: training },
    { bench, config: { ...config, lines: sample.length }, metric: 'identical_lines', unit: 'lines', ours: equal, peer: sample.length, peerName },
    { bench, config, metric: 'encode_speed', unit: 'MB/s', ...speed, peerName, ratio: ratio(speed.ours, speed.peer, 'higher') },
  ]
}

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const text = brotliDecompressSync(readFileSync(join(dataFolder(), 'wiki', 'wiki-00.txt.br'))).toString('utf8')
  const all = text.split('\n').filter((line) => line.trim() !== '')
  const lines = quick ? all.slice(0, 10_000) : all
  const kinds: [string, () => Promise<Tokenizer>][] = [
    ['wordpiece', () => trainWordPiece(lines, { vocabulary: 16_000 })],
    ['byte-level-bpe', () => trainByteLevelBpe(lines, { vocabulary: 16_000 })],
    ['word-level', () => trainWordLevel(lines, { vocabulary: 30_000 })],
  ]
  const folder = mkdtempSync(join(tmpdir(), 'thaw-tokenizers-'))
  const rows: Row[] = []
  try {
    await using peer = startPeer('tokenizers_check.py')
    for (const [name, train] of kinds) {
      if (only.length > 0 && !only.includes(name)) continue
      log(`${name}: training on ${lines.length} lines`)
      rows.push(...(await measure(name, train, lines, peer, folder)))
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  return rows
}
