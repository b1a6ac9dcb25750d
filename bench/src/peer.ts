// The Python side of a comparison: a pinned virtual environment, made on first use, and long-lived processes that answer one JSON line per request.
// One process a side keeps peak memory apart; a process that stays up keeps imports and warm-up out of what is timed.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { peersFolder, repositoryRoot } from './folders.js'

/** Runs a command with its output on stderr (stdout belongs to the rows). */
function install(command: string, args: string[], advice: string): void {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2] })
  if (error || status !== 0) throw new Error(`\`${command} ${args.join(' ')}\` failed (${error ? error.message : `exit code ${status}`}). ${advice}`)
}

/**
 * The Python that runs bench/peers: THAW_PYTHON if set, else a virtual environment in bench/.venv with the versions of
 * bench/peers/requirements.txt, made on first use (some minutes: it downloads PyTorch) and brought up to date when that file changes.
 */
export function peerPython(): string {
  const given = process.env.THAW_PYTHON
  if (given) {
    if (spawnSync(given, ['--version']).error)
      throw new Error(
        `THAW_PYTHON is set to ${given}, which cannot be run. Set it to a Python with the packages of bench/peers/requirements.txt, or unset it.`,
      )
    return given
  }
  const windows = process.platform === 'win32'
  const venv = `${repositoryRoot}/bench/.venv`
  const python = windows ? `${venv}/Scripts/python.exe` : `${venv}/bin/python`
  const wanted = readFileSync(`${peersFolder}/requirements.txt`, 'utf8')
  const stamp = `${venv}/requirements.installed`
  if (existsSync(stamp) && existsSync(python) && readFileSync(stamp, 'utf8') === wanted) return python
  const system = windows ? 'python' : 'python3'
  if (spawnSync(system, ['--version']).error)
    throw new Error(
      `This benchmark compares with Python packages, but there is no ${system}. Install Python 3.11 or newer with its venv module, or set THAW_PYTHON to a Python that has the packages of bench/peers/requirements.txt.`,
    )
  process.stderr.write(`Preparing ${venv} with the packages of bench/peers/requirements.txt; this happens once.\n`)
  const advice = 'Set THAW_PYTHON to a Python that has the packages of bench/peers/requirements.txt to go without it.'
  if (!existsSync(python)) install(system, ['-m', 'venv', venv], advice)
  install(python, ['-m', 'pip', 'install', '--disable-pip-version-check', '-r', `${peersFolder}/requirements.txt`], advice)
  writeFileSync(stamp, wanted)
  return python
}

export interface Peer extends AsyncDisposable {
  readonly pid: number
  /** Sends one request and resolves with the answer; requests are answered in order. Rejects with the peer's traceback, or with its last words if it ended. */
  ask<T = Record<string, unknown>>(request: unknown): Promise<T>
  /** Ends the process (kindly, after five seconds not) and resolves when it is gone. */
  close(): Promise<void>
}

/**
 * Starts bench/peers/`script` (a name in that folder, or an absolute path) under `peerPython()` and talks with it in JSON lines.
 *
 *     await using peer = startPeer('train_step.py', ['--config', 'a'])
 *     const { milliseconds } = await peer.ask<{ milliseconds: number[] }>({ steps: 5 })
 */
export const startPeer = (script: string, args: readonly string[] = [], python: string = peerPython()): Peer =>
  converse(script, python, ['-u', script.startsWith('/') ? script : `${peersFolder}/${script}`, ...args])

/** Starts our own side (a compiled module of bench/dist/sides) as a process of its own, which speaks the same protocol. */
export const startSide = (name: string, args: readonly string[] = []): Peer =>
  converse(name, process.execPath, [fileURLToPath(new URL(`sides/${name}.js`, import.meta.url)), ...args])

function converse(script: string, command: string, args: readonly string[]): Peer {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  const waiting: { resolve(answer: unknown): void; reject(error: Error): void }[] = []
  let words = ''
  let ended: Error | undefined
  const fail = (error: Error) => {
    ended ??= error
    for (const request of waiting.splice(0)) request.reject(ended)
  }
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-2000)))
  child.stdin.on('error', () => undefined) // a peer that died is reported by 'close', with its last words
  child.on('error', (error) => fail(new Error(`peer ${script}: ${error.message}`)))
  child.on('close', (code, signal) => fail(new Error(`peer ${script} ended (${signal ?? `exit code ${code}`}); its last words:\n${words.trim()}`)))
  createInterface({ input: child.stdout }).on('line', (line) => {
    const request = waiting.shift()
    if (request) settle(script, line, request)
  })
  const ask = <T>(request: unknown): Promise<T> => {
    if (ended) return Promise.reject(ended)
    return new Promise<T>((resolve, reject) => {
      waiting.push({ resolve: (answer) => resolve(answer as T), reject })
      child.stdin.write(`${JSON.stringify(request)}\n`)
    })
  }
  const close = () => stop(child)
  return { pid: child.pid ?? 0, ask, close, [Symbol.asyncDispose]: close }
}

function settle(script: string, line: string, request: { resolve(answer: unknown): void; reject(error: Error): void }): void {
  try {
    const answer: unknown = JSON.parse(line)
    const error = answer && typeof answer === 'object' && 'error' in answer ? answer.error : undefined
    if (error === undefined) request.resolve(answer)
    else request.reject(new Error(`peer ${script}: ${String(error).trim()}`))
  } catch {
    request.reject(new Error(`peer ${script}: expected one line of JSON, got: ${line.slice(0, 200)}`))
  }
}

function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const impatient = setTimeout(() => child.kill('SIGKILL'), 5000)
    child.once('close', () => {
      clearTimeout(impatient)
      resolve()
    })
    child.stdin?.end()
  })
}

/** The largest resident memory a process has had, in bytes: VmHWM of /proc/PID/status (Linux). */
export function peakMemory(pid: number = process.pid): number {
  const path = `/proc/${pid}/status`
  if (!existsSync(path)) throw new Error(`peakMemory: there is no ${path}; it needs Linux and a process that still runs`)
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(path, 'utf8'))
  if (!found) throw new Error(`peakMemory: ${path} has no VmHWM line`)
  return Number(found[1]) * 1024
}
