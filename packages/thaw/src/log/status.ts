// What a program is doing before there are steps to count: one line that changes in place on a TTY and is gone afterwards, a plain line now and then elsewhere.

import type { ProgressStream } from './progress.js'
import { fit } from './table.js'

export interface Status {
  /** Shows a text in the place of the last one. */
  show(text: string): void
  /** Takes the line away. */
  clear(): void
}

/**
 * A status line, redrawn at most ten times a second on a TTY and printed every `interval` seconds (10) elsewhere.
 *
 * ```ts
 * const status = statusLine(process.stderr)
 * status.show('reading 45 %')
 * status.clear()
 * ```
 */
export function statusLine(stream: ProgressStream, { interval = 10, clock = () => performance.now() } = {}): Status {
  let shown = stream.isTTY ? Number.NEGATIVE_INFINITY : clock()
  let onScreen = false
  return {
    show(text) {
      const now = clock()
      if (now - shown < (stream.isTTY ? 100 : interval * 1000)) return
      shown = now
      stream.write(stream.isTTY ? `\r${fit(text, (stream.columns ?? 80) - 1)}\u001b[K` : `${text}\n`)
      onScreen = stream.isTTY === true
    },
    clear() {
      if (onScreen) stream.write('\r\u001b[K')
      onScreen = false
      shown = stream.isTTY ? Number.NEGATIVE_INFINITY : shown
    },
  }
}
