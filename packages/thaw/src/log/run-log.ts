// The record of a run, in its folder: `metrics.jsonl` (one object a line, `step` and `time` first) and the same numbers for TensorBoard.
//
// A run may be killed at any moment and go on from a checkpoint. Each line goes to the file in one write, and on resume the file is cut to
// the steps up to the checkpoint's, so that no step is there twice and half a line at the end is dropped.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { restartEvent, scalarEvent, tfRecord, versionEvent } from './tfevents.js'

export type Metrics = Record<string, number | string | boolean | null>

export type RunLog = {
  /** Writes one line and one event; `step` may repeat (training and validation of one step). Numbers that are not finite are written as null. */
  write(step: number, metrics: Metrics): void
  close(): void
  [Symbol.dispose](): void
}

/**
 * Opens the record of a run in `folder` (made if absent).
 *
 * Without `resumeFrom` a new record begins, and one that is there is replaced; with it, lines of later steps are dropped and the record goes on.
 * TensorBoard's files need no cutting: a new one begins at each start, with the event that tells it to drop what older ones say about later steps.
 * Slashes in a name group charts (`train/loss`). Strings and booleans go to the JSONL file only.
 *
 * ```ts
 * using log = runLog('runs/wiki', { resumeFrom: 1000 })
 * log.write(1001, { 'train/loss': 4.32, rate: 3e-4 })   // {"step":1001,"time":"2026-…Z","train/loss":4.32,"rate":0.0003}
 * ```
 *
 * @throws Error where a line that is to be kept is not a metrics line.
 */
export function runLog(folder: string, options: { resumeFrom?: number; tensorboard?: boolean } = {}): RunLog {
  const { resumeFrom, tensorboard = true } = options
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'metrics.jsonl')
  const kept = resumeFrom === undefined ? '' : existsSync(path) ? linesUpTo(path, resumeFrom) : ''
  replaceFile(path, kept)
  const lines = openSync(path, 'a')
  let events: number | undefined
  if (tensorboard) {
    const now = Date.now() / 1000
    events = openSync(join(folder, eventFileName(folder, now)), 'wx')
    writeSync(events, tfRecord(versionEvent(now)))
    if (resumeFrom !== undefined) writeSync(events, tfRecord(restartEvent(now, resumeFrom + 1)))
  }
  let closed = false
  const close = () => {
    if (closed) return
    closed = true
    fsyncSync(lines)
    closeSync(lines)
    if (events !== undefined) closeSync(events)
  }
  return {
    write(step, metrics) {
      if (closed) throw new Error(`runLog: ${path} is closed, so step ${step} cannot be written; write before close()`)
      const now = Date.now()
      writeSync(lines, `${JSON.stringify({ step, time: new Date(now).toISOString(), ...metrics })}\n`)
      if (events === undefined) return
      const scalars = Object.fromEntries(Object.entries(metrics).filter((entry): entry is [string, number] => typeof entry[1] === 'number'))
      if (Object.keys(scalars).length > 0) writeSync(events, tfRecord(scalarEvent(now / 1000, step, scalars)))
    },
    close,
    [Symbol.dispose]: close,
  }
}

/** The lines of a metrics file, parsed: for reports and for comparing runs. Half a line at the end (a killed run) is left out. */
export function readMetrics(path: string): ({ step: number; time: string } & Metrics)[] {
  return completeLines(path).map((line, i) => parseLine(path, line, i))
}

function linesUpTo(path: string, step: number): string {
  const kept = completeLines(path).filter((line, i) => parseLine(path, line, i).step <= step)
  return kept.map((line) => `${line}\n`).join('')
}

function completeLines(path: string): string[] {
  const text = readFileSync(path, 'utf8')
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1)
}

function parseLine(path: string, line: string, index: number): { step: number; time: string } & Metrics {
  try {
    const value = JSON.parse(line)
    if (typeof value?.step === 'number') return value
  } catch {} // the same message for both
  const shown = line.length > 60 ? `${line.slice(0, 60)}…` : line
  throw new Error(`${path}, line ${index + 1}: expected {"step": number, …}, found ${shown}; repair or delete the line, or start a new run folder`)
}

// Whole or not at all: a kill between the two leaves the old file.
function replaceFile(path: string, text: string): void {
  const temporary = `${path}.new`
  writeFileSync(temporary, text, { flush: true })
  renameSync(temporary, path)
}

// TensorBoard reads the event files of a folder in the order of their names, so a later start needs a later name.
function eventFileName(folder: string, now: number): string {
  for (let second = Math.floor(now); ; second++) {
    const name = `events.out.tfevents.${String(second).padStart(10, '0')}.${hostname()}.${process.pid}`
    if (!existsSync(join(folder, name))) return name
  }
}
