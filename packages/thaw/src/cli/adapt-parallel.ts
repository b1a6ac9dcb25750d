// Seeds beside each other: a process of one thread for each, as many at a time as `--jobs` says and cores there are. Small models gain little from a second
// thread, so n processes finish sooner than n runs of n threads. Each process is `thaw adapt --resume` for one seed; its result is a file, as in a run of one.

import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { AdaptEvent } from '../adapt/index.js'
import { statusLine } from '../log/status.js'
import type { Plan } from './adapt-screen.js'
import { interruptible } from './interrupt.js'
import { named, say } from './screen.js'

/** What a process of one seed tells while it runs: first what it is going to do, then how far it is. */
type SeedMessage = Plan | { kind: 'progress'; step: number; total: number }

export interface ParallelOptions {
  out: string
  /** The seeds that have no result yet. */
  seeds: readonly number[]
  jobs: number
  /** The file that a finished seed leaves. */
  resultOf(seed: number): string
  /** Options of the command line that a run does not keep. */
  more: readonly string[]
  /** What the first seed is going to do; the others do the same. */
  onPlan(plan: Plan): void
  onDone(seed: number): void
}

/** Where `--jobs` does not say how many seeds run at a time: as many as there are cores, but no more than so many copies of a model fit into most memories. */
export const defaultJobs = (): number => Math.min(8, availableParallelism())

/** As many processes as asked for, but no more than there are cores and seeds. */
export const usefulJobs = (jobs: number, seeds: number, cores = availableParallelism()): number => Math.max(1, Math.min(jobs, cores, seeds))

/** Runs the seeds; true where all are done, false where the run was stopped. @throws with what a process said where one fails; the others are stopped. */
export async function runInParallel({ out, seeds, jobs, resultOf, more, onPlan, onDone }: ParallelOptions): Promise<boolean> {
  const waiting = [...seeds]
  const running = new Map<number, { child: ChildProcess; progress?: { step: number; total: number } }>()
  const status = statusLine(process.stderr)
  using interrupt = interruptible((line) => {
    status.clear()
    say(line)
  })
  interrupt.arm()
  let failure: Error | undefined
  const show = () => {
    const texts = [...running].map(([seed, { progress }]) => `seed ${seed} ${progress ? `${progress.step}/${progress.total}` : 'begins'}`)
    status.show(named('seeds', `${texts.join(', ')}; ${waiting.length} to come`, {}))
  }
  const one = (seed: number) =>
    new Promise<void>((resolve) => {
      const args = ['adapt', '--resume', '--out', out, '--only-seed', String(seed), '--threads', '1', '--no-baseline', ...more]
      // the same command again, however it was installed; in a process group of its own: ^C reaches it from here alone, once
      const child = fork(process.argv[1]!, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], detached: true, execArgv: [] })
      let said = ''
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-4000)
      })
      running.set(seed, { child })
      child.on('message', (message: SeedMessage) => {
        if (message.kind === 'progress') running.set(seed, { child, progress: message })
        else if (seed === seeds[0]) {
          status.clear()
          onPlan(message)
        }
        show()
      })
      child.on('error', (error) => {
        failure ??= error
      })
      child.on('close', (code) => {
        running.delete(seed)
        status.clear()
        if (existsSync(resultOf(seed))) onDone(seed)
        else if (!interrupt.signal.aborted && !failure)
          failure = new Error(
            `seed ${seed}: its process ended with ${code ?? 'a signal'} and no result; it said\n${said.trim().split('\n').slice(-6).join('\n')}`,
          )
        resolve()
      })
    })
  const worker = async () => {
    for (let seed = waiting.shift(); seed !== undefined && !interrupt.signal.aborted && !failure; seed = waiting.shift()) await one(seed)
  }
  const stopAll = () => {
    for (const { child } of running.values()) child.kill('SIGINT')
  }
  interrupt.signal.addEventListener('abort', stopAll)
  const workers = Array.from({ length: jobs }, worker)
  await Promise.all(workers.map((each) => each.then(() => failure && stopAll())))
  status.clear()
  if (failure) throw failure
  return !interrupt.signal.aborted
}

let told = 0

/** In a process of one seed: its plan, and how far it is, a few times a second. Where the first process is gone, this one stops as by ^C. */
export function tellParent(event: AdaptEvent): void {
  if (event.kind === 'plan') {
    process.on('disconnect', () => process.kill(process.pid, 'SIGINT'))
    process.channel?.unref()
    tell(event)
  }
  if (event.kind !== 'step' || performance.now() - told < 200) return
  told = performance.now()
  tell({ kind: 'progress', step: event.step, total: event.total })
}

const tell = (message: SeedMessage) => process.send?.(message)
