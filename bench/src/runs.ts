// Training runs that are kept: a benchmark of many seeds and settings takes an hour, and goes on where it was stopped.

import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { repositoryRoot } from './folders.js'

/** Where benchmarks keep what they may need again; not in the repository. */
export const cacheFolder = `${repositoryRoot}/bench/.cache`

/**
 * A function that does each run once: the result of `work` for a key is a line in bench/.cache/NAME.jsonl, and the next time it comes from there.
 * Half a line at the end (a killed run) is passed over.
 *
 *     const once = keptRuns('adapt-trec')
 *     const { accuracy } = await once({ scheme: 'full', seed: 1 }, () => train(…))
 */
export function keptRuns(name: string, folder: string = cacheFolder): <T>(key: unknown, work: () => Promise<T>) => Promise<T> {
  const path = `${folder}/${name}.jsonl`
  const known = new Map<string, unknown>()
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  for (const line of text.split('\n')) {
    const kept = parsed(line)
    if (kept) known.set(JSON.stringify(kept.key), kept.result)
  }
  // a line that was cut off is ended, so that the next one starts on its own
  let cut = text !== '' && !text.endsWith('\n')
  const done = async (key: unknown, id: string, work: () => Promise<unknown>) => {
    const result = await work()
    mkdirSync(dirname(path), { recursive: true })
    appendFileSync(path, `${cut ? '\n' : ''}${JSON.stringify({ key, result })}\n`)
    cut = false
    known.set(id, result)
    return result
  }
  const running = new Map<string, Promise<unknown>>()
  return async <T>(key: unknown, work: () => Promise<T>): Promise<T> => {
    const id = JSON.stringify(key)
    if (known.has(id)) return known.get(id) as T
    const run = running.get(id) ?? done(key, id, work).finally(() => running.delete(id))
    running.set(id, run)
    return (await run) as T
  }
}

/**
 * A function that lets so many pieces of work run at a time and the others wait, in order. Accuracy benchmarks train two models of one thread each rather than
 * one of two threads: on two cores that is a third more training in the same time.
 *
 *     const inTurn = limited(2)
 *     await Promise.all(seeds.map((seed) => inTurn(() => train(seed))))
 */
export function limited(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = atOnce
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}

function parsed(line: string): { key: unknown; result: unknown } | undefined {
  try {
    return JSON.parse(line) as { key: unknown; result: unknown }
  } catch {
    return undefined
  }
}
