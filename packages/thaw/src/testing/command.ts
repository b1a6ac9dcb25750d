// Runs the `thaw` command as a user does: as a process of its own, with its two streams apart.
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createProgram } from '../cli/main.js'

const program = fileURLToPath(new URL('../../bin/thaw.js', import.meta.url))

/** For tests that send ^C: Windows has no signals between processes, and ends the other one at once. What is not run there is said so. */
export const withoutSignals = { skip: process.platform === 'win32' && '^C cannot be sent to another process on Windows' }

export interface Finished {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface CommandOptions {
  cwd: string
  input?: string
  /** Variables beside those of this process. */
  env?: Readonly<Record<string, string>>
  /** Sends a signal as soon as the condition holds. */
  send?: { signal: NodeJS.Signals; when: () => Promise<boolean>; after?: number }
}

/** Runs `thaw` to its end. */
export async function thaw(args: readonly string[], { cwd, input = '', env, send }: CommandOptions): Promise<Finished> {
  const child = spawn(process.execPath, [program, ...args], { cwd, env: { ...process.env, npm_command: '', ...env } })
  const streams = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (text: string) => (streams[name] += text))
  child.stdin.on('error', () => {}).end(input)
  const ended = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, ...streams }))
  })
  if (send) {
    while (child.exitCode === null && child.signalCode === null && !(await send.when())) await setTimeout(4)
    if (send.after) await setTimeout(send.after)
    child.kill(send.signal)
  }
  return ended
}

/** What a command that must fail says, without a process of its own: the message of the program or of the command line's parser. */
export async function commandError(args: readonly string[]): Promise<string> {
  let written = ''
  const program = createProgram()
  for (const command of [program, ...program.commands, ...program.commands.flatMap((command) => command.commands)])
    command.exitOverride().configureOutput({ writeErr: (text) => (written += text) })
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    return written || (error as Error).message
  }
  throw new Error(`thaw ${args.join(' ')}: an error was expected`)
}

/** How many steps a run has recorded. */
export const recordedSteps = async (metrics: string): Promise<number> => (await readFile(metrics, 'utf8').catch(() => '')).split('"loss"').length - 1

/** Steps and losses of a run's recorded metrics; empty where there is none yet. */
export async function recordedLosses(metrics: string): Promise<[number, number][]> {
  const text = await readFile(metrics, 'utf8').catch(() => '')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { step: number; loss?: number })
    .flatMap(({ step, loss }): [number, number][] => (loss === undefined ? [] : [[step, loss]]))
}
