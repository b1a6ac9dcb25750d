// A pretraining run that is killed (SIGKILL) again and again, at any moment of its start, its steps and its saves: the losses it has recorded in the end
// are those of a run that nobody disturbed, bit for bit, and its checkpoint is the same. Beside it, where the system lets us make one, a disk that is full.
//
// A run goes on to its end between kills, so a new one begins whenever one has ended, until there were enough kills.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { BenchOptions } from './benchmark.js'
import { repositoryRoot } from './folders.js'
import type { Row } from './row.js'

export const about = 'kill -9 at 200 random moments of a pretraining run (about 15 minutes), each resumed bit for bit; a full disk'

/** In the README's table. */
export const headline = ({ config }: Row): string =>
  config.kills === undefined
    ? 'Runs that went on after a full disk with the same bytes'
    : `Runs that went on after ${String(config.kills)} kills with the same bytes`

const steps = 400
const settings = ['--config', 'hidden=16,layers=1,heads=2,inner=32,positions=16', '--vocabulary', '300', '--batch', '4', '--documents', 'line']
const args = (out: string) => [
  'pretrain',
  '--text',
  'text.txt',
  ...settings,
  '--threads',
  '1',
  '--steps',
  String(steps),
  '--save-every',
  '0.03',
  '--out',
  out,
]

export async function run({ quick, log }: BenchOptions): Promise<Row[]> {
  const cwd = mkdtempSync(join(tmpdir(), 'thaw-soak-'))
  try {
    writeFileSync(join(cwd, 'text.txt'), text(400))
    await finished(start(args('whole'), cwd))
    const wanted = outcome(join(cwd, 'whole'))
    const kills = { planned: quick ? 6 : 200, done: 0, starting: 0, stepping: 0, saving: 0 }
    let runs = 0
    let same = 0
    while (kills.done < kills.planned) {
      const out = `run-${runs++}`
      let resumed = false
      for (let ended = false; !ended; ) {
        const child = start(resumed ? [...args(out), '--resume'] : args(out), cwd)
        resumed = existsSync(join(cwd, out, 'training', 'run.json')) || resumed
        ended = kills.done >= kills.planned ? await finished(child) : !(await killed(child, join(cwd, out), kills))
        resumed ||= existsSync(join(cwd, out, 'training', 'run.json'))
      }
      if (outcome(join(cwd, out)) === wanted) same++
      else log(`${out} differs from the run that was not killed`)
      log(`${kills.done} kills; ${same} of ${runs} runs ended as the undisturbed one`)
      rmSync(join(cwd, out), { recursive: true })
    }
    const config = { kills: kills.done, starting: kills.starting, stepping: kills.stepping, saving: kills.saving, runs, steps }
    const rows: Row[] = [{ bench: 'soak', config, metric: 'runs_bit_identical', unit: '%', ours: (100 * same) / runs }]
    const full = await fullDisk(cwd, wanted, log)
    return full ? [...rows, full] : rows
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

/** Pseudo-random words: the text needs no meaning. */
function text(lines: number): string {
  let state = 1
  const word = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return ['river', 'castle', 'king', 'song', 'book', 'ship', 'old', 'made', 'the', 'saw', 'where', 'many'][state >>> 28 > 11 ? 0 : state >>> 28]!
  }
  return Array.from({ length: lines }, () => `${Array.from({ length: 8 }, word).join(' ')} .`).join('\n')
}

function start(command: readonly string[], cwd: string): ChildProcess & { words: string } {
  const child = spawn(process.execPath, [join(repositoryRoot, 'packages/thaw/bin/thaw.js'), ...command], { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
  const spoken = Object.assign(child, { words: '' })
  child.stderr!.setEncoding('utf8').on('data', (part: string) => (spoken.words = (spoken.words + part).slice(-2000)))
  return spoken
}

const end = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((done) => child.once('close', () => done()))

/** Waits for a good end. */
async function finished(child: ReturnType<typeof start>): Promise<true> {
  await end(child)
  if (child.exitCode !== 0) throw new Error(`soak: thaw pretrain ended with ${child.exitCode ?? child.signalCode}:\n${child.words}`)
  return true
}

const isSaving = (folder: string): boolean =>
  existsSync(join(folder, 'training')) && readdirSync(join(folder, 'training')).some((name) => name.startsWith('.training.safetensors.writing'))

/** Kills a run at a moment that differs each time: a quarter while they start, a quarter in a save, the rest anywhere. False where it ended before. */
async function killed(
  child: ReturnType<typeof start>,
  folder: string,
  kills: { done: number; starting: number; stepping: number; saving: number },
): Promise<boolean> {
  const kind = kills.done % 4
  const metrics = join(folder, 'training', 'metrics.jsonl')
  const recorded = () => (existsSync(metrics) ? readFileSync(metrics, 'utf8').length : 0)
  const before = recorded()
  const running = () => child.exitCode === null && child.signalCode === null
  if (kind === 0) await Promise.race([end(child), setTimeout(Math.random() * 900)])
  else {
    while (running() && (recorded() <= before || (kind === 1 && !isSaving(folder)))) await setTimeout(2)
    if (kind > 1) await Promise.race([end(child), setTimeout(Math.random() * 150)])
  }
  const stepping = recorded() > before
  const saving = isSaving(folder)
  child.kill('SIGKILL')
  await end(child)
  if (child.signalCode !== 'SIGKILL') return !(await finished(child))
  kills.done++
  kills[saving ? 'saving' : stepping ? 'stepping' : 'starting']++
  return true
}

/** Losses by step and the checkpoint's bytes. */
function outcome(folder: string): string {
  const lines = readFileSync(join(folder, 'training', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
  const losses = lines.map((line) => JSON.parse(line) as { step: number; loss?: number }).map(({ step, loss }) => [step, loss])
  return JSON.stringify(losses) + readFileSync(join(folder, 'model.safetensors')).toString('base64')
}

/** The same run on a disk of a few hundred kilobytes, which is then made larger: it stops with a message, and goes on. */
async function fullDisk(cwd: string, wanted: string, log: (message: string) => void): Promise<Row | undefined> {
  const disk = join(cwd, 'disk')
  mkdirSync(disk)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', disk], { stdio: 'ignore' })
  } catch {
    log('no full disk tried: a small file system can only be mounted by root on Linux')
    return undefined
  }
  try {
    const out = join(disk, 'run')
    let stops = 0
    for (let size = 350; ; size += 50) {
      const begun = existsSync(join(out, 'training', 'run.json'))
      const child = start([...args(out), ...(begun ? ['--resume'] : existsSync(out) ? ['--overwrite'] : [])], cwd)
      await end(child)
      if (child.exitCode === 0) break
      if (!child.words.includes('the disk is full')) throw new Error(`soak: a full disk was to be named, but thaw said:\n${child.words}`)
      if (stops++ === 0) log(child.words.trim().split('\n').at(-1)!)
      execFileSync('mount', ['-o', `remount,size=${size}k`, disk])
    }
    return { bench: 'soak', config: { name: 'full disk', stops }, metric: 'runs_bit_identical', unit: '%', ours: outcome(out) === wanted ? 100 : 0 }
  } finally {
    execFileSync('umount', [disk])
  }
}
