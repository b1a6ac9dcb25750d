// Memory does not grow with the corpus: `thaw pretrain` (a tokenizer is trained, the text is tokenized, a small model takes some steps) on 200 MB of text
// and on 2 GB, each in a process of its own; peak resident memory beside each other. The larger text is the smaller one ten times, each time with
// its letters shifted in the alphabet, so that it has about ten times as many different words, which is worse than any real text.

import { spawn } from 'node:child_process'
import { createReadStream, createWriteStream, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress } from 'node:zlib'
import type { BenchOptions } from './benchmark.js'
import { dataFolder } from './data.js'
import { repositoryRoot } from './folders.js'
import { peakMemory } from './peer.js'
import { type Row, ratio } from './row.js'

export const about = 'peak memory of thaw pretrain on 2 GB of text beside that on 200 MB (about 20 minutes, 2 GB of disk)'

/** In the README's table. */
export const headline = (_: Row): string => 'Peak memory of pretraining on 2 GB of text, beside a tenth of the text'

export async function run({ quick, log }: BenchOptions): Promise<Row[]> {
  const folder = `${repositoryRoot}/bench/.cache/flat-memory`
  mkdirSync(folder, { recursive: true })
  const shards = quick ? 1 : 17
  const bytes: number[] = []
  try {
    for (const copies of [1, 10]) {
      const files: string[] = []
      for (let copy = 0; copy < copies; copy++) for (let shard = 0; shard < shards; shard++) files.push(await written(folder, shard, copy))
      log(`${copies * shards} files of 12 MB`)
      bytes.push(await peakOf(files, join(folder, 'run'), log))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const [small, large] = bytes as [number, number]
  const config = { megabytes: 12 * shards * 10, beside: 12 * shards, vocabulary: 8000, threads: 2 }
  return [
    {
      ...{ bench: 'flat-memory', config, metric: 'peak_memory', unit: 'MB', ours: large / 1e6, peer: small / 1e6 },
      ...{ peerName: 'ours, a tenth of the text', ratio: ratio(large, small, 'lower') },
    },
  ]
}

/** A shard of Wikipedia as plain text, its letters shifted by `shift` in the alphabet. */
async function written(folder: string, shard: number, shift: number): Promise<string> {
  const name = `wiki-${String(shard).padStart(2, '0')}.txt`
  const path = join(folder, `${shift}-${name}`)
  if (existsSync(path)) return path
  const shifted = async function* (parts: AsyncIterable<Buffer>) {
    for await (const part of parts) yield part.map((byte) => moved(byte, shift))
  }
  await pipeline(createReadStream(`${dataFolder()}/wiki/${name}.br`), createBrotliDecompress(), shifted, createWriteStream(path))
  return path
}

function moved(byte: number, shift: number): number {
  const first = byte >= 97 && byte <= 122 ? 97 : byte >= 65 && byte <= 90 ? 65 : 0
  return first === 0 ? byte : first + ((byte - first + shift) % 26)
}

async function peakOf(files: readonly string[], out: string, log: (message: string) => void): Promise<number> {
  const options = ['--size', 'nano', '--steps', '20', '--vocabulary', '8000', '--documents', 'articles', '--threads', '2']
  const command = [join(repositoryRoot, 'packages/thaw/bin/thaw.js'), 'pretrain', '--text', ...files, ...options, '--overwrite', '--out', out]
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'ignore', 'inherit'] })
  let peak = 0
  const look = setInterval(() => {
    try {
      peak = Math.max(peak, peakMemory(child.pid))
    } catch {
      // it has ended; what was read last stands
    }
  }, 200)
  try {
    await new Promise<void>((done, fail) =>
      child.once('close', (code) =>
        code === 0 ? done() : fail(new Error(`flat-memory: thaw pretrain ended with code ${code}; see its words above`)),
      ),
    )
  } finally {
    clearInterval(look)
  }
  log(`peak ${(peak / 1e6).toFixed(0)} MB`)
  return peak
}
