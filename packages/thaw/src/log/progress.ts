// The progress of a long run on the terminal: a bar that redraws in place on a TTY, a plain line every few seconds elsewhere (logs of CI, pipes).
import { count, duration } from './format.js'
import { fit } from './table.js'

export type ProgressOptions = {
  /** What runs: `pretrain`, `seed 2, full`. */
  label?: string
  /** Steps in all. */
  total: number
  /** The step a resumed run begins after (0): the ETA counts only what this run did. */
  from?: number
  /** Word for one step (`step`). */
  unit?: string
  /** Seconds between plain lines where the stream is no TTY (5). */
  interval?: number
  /** Milliseconds since some fixed moment; `performance.now`, other in tests. */
  clock?: () => number
}

export type Progress = {
  /** Tells the step reached, and any of: loss, tokens since the start of this run, further text for the end of the line. */
  update(step: number, state?: { loss?: number; tokens?: number; note?: string }): void
  /** Prints a line that stays, above the bar. */
  print(line: string): void
  /** Draws the last state once more and leaves it there, with the time it took. */
  done(note?: string): void
}

/** The part of a stream that is used: `process.stderr` fits. */
export type ProgressStream = { write(text: string): unknown; isTTY?: boolean; columns?: number }

/**
 * A progress bar: `pretrain [#####…..] step 120/2,000  loss 4.321  12,345 tok/s  ETA 3m12s`.
 *
 * On a TTY it redraws in place, at most ten times a second, and never wraps: the bar shrinks first, then the end of the line is cut. Elsewhere it is a line without
 * a bar every `interval` seconds. Tokens/s and ETA are of the last 30 seconds or so. Cost of an `update` that draws nothing: well under a microsecond.
 *
 * ```ts
 * const bar = progress(process.stderr, { total: 2000 })
 * bar.update(120, { loss: 4.321, tokens: 245760 })
 * bar.done()
 * ```
 */
export function progress(stream: ProgressStream, options: ProgressOptions): Progress {
  const { label, total, from = 0, unit = 'step', interval = 5, clock = () => performance.now() } = options
  const tty = stream.isTTY === true
  const start = clock()
  const recent = [{ time: start, step: from, tokens: 0 }]
  let step = from
  let state: { loss?: number; tokens?: number; note?: string } = {}
  let drawn = tty ? Number.NEGATIVE_INFINITY : start
  let onScreen = false
  let finished = false

  const line = (end?: string) => {
    const now = clock()
    const oldest = end === undefined ? recent[0]! : { time: start, step: from, tokens: 0 }
    const seconds = (now - oldest.time) / 1000
    const rate = seconds > 0 ? (step - oldest.step) / seconds : 0
    const parts = [`${unit} ${count(step).padStart(count(total).length)}/${count(total)}`]
    if (state.loss !== undefined) parts.push(`loss ${state.loss.toPrecision(4)}`)
    if (state.tokens !== undefined && seconds > 0) parts.push(`${count((state.tokens - oldest.tokens) / seconds)} tok/s`)
    if (end !== undefined) parts.push(`in ${duration((now - start) / 1000)}`)
    else parts.push(`ETA ${rate > 0 ? duration((total - step) / rate) : '?'}`)
    if (state.note) parts.push(state.note)
    if (end) parts.push(end)
    const text = parts.join('  ')
    const name = label ? `${label} ` : ''
    const room = (stream.columns ?? 80) - 1 // a full last column makes some terminals wrap
    const width = tty ? Math.min(30, room - name.length - text.length - 3) : 0
    const full = total > 0 ? Math.round(Math.min(1, step / total) * width) : width
    const bar = width >= 5 ? `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ` : ''
    return tty ? fit(name + bar + text, room) : name + bar + text
  }
  const draw = (end?: string) => {
    stream.write(tty ? `\r${line(end)}\u001b[K` : `${line(end)}\n`)
    onScreen = tty
  }
  return {
    update(nextStep, nextState = {}) {
      if (finished) return
      step = nextStep
      state = { ...state, ...nextState }
      const now = clock()
      if (now - drawn < (tty ? 100 : interval * 1000)) return
      drawn = now
      draw()
      const last = recent.at(-1)!
      if (now - last.time >= 1000) recent.push({ time: now, step, tokens: state.tokens ?? 0 })
      while (recent.length > 2 && now - recent[1]!.time > 30_000) recent.shift()
    },
    print(text) {
      stream.write(onScreen ? `\r\u001b[K${text}\n` : `${text}\n`)
      if (onScreen && !finished) draw()
    },
    done(note = '') {
      if (finished) return
      draw(note)
      finished = true
      if (tty) stream.write('\n')
      onScreen = false
    },
  }
}

/**
 * One line for a phase that has no steps: `training the tokenizer … 3.2 s, 8,000 entries`. The first half is printed at once, the second when `work` is done;
 * a phase that fails ends its line with `failed`.
 *
 * ```ts
 * const tokenizer = await phase(process.stderr, 'training the tokenizer', train, (it) => `${count(it.size)} entries`)
 * ```
 */
export async function phase<T>(
  stream: ProgressStream,
  label: string,
  work: () => T | Promise<T>,
  describe?: (result: T) => string,
  clock: () => number = () => performance.now(),
): Promise<T> {
  const start = clock()
  stream.write(`${label} … `)
  try {
    const result = await work()
    const note = describe?.(result)
    stream.write(`${duration((clock() - start) / 1000)}${note ? `, ${note}` : ''}\n`)
    return result
  } catch (error) {
    stream.write('failed\n')
    throw error
  }
}
