// A curve in the terminal: points as dots on a field of characters, two rows and two columns to each (Unicode's quadrant blocks need no special font).

/** A curve's points; with `logX` the horizontal axis is logarithmic. */
export interface PlotOptions {
  /** Characters of the field. Default 60 and 12. */
  width?: number
  height?: number
  logX?: boolean
  /** How values are written at the axes. */
  formatX?: (value: number) => string
  formatY?: (value: number) => string
  /** Places on the horizontal axis that are marked by a letter. */
  marks?: Readonly<Record<string, number>>
}

const quadrants = ' ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█'

/**
 * Draws a curve as lines of text, its lowest and highest values at the left, the ends of the horizontal axis below. Values that are not finite are left out.
 *
 * ```ts
 * console.log(plot([[1, 3], [2, 1], [3, 2]], { width: 20, height: 5 }).join('\n'))
 * ```
 */
export function plot(points: readonly (readonly [x: number, y: number])[], options: PlotOptions = {}): string[] {
  const { width = 60, height = 12, logX = false, formatX = String, formatY = (y: number) => y.toFixed(2), marks = {} } = options
  const place = (x: number) => (logX ? Math.log(x) : x)
  const seen = points.filter(([x, y]) => Number.isFinite(place(x)) && Number.isFinite(y))
  if (seen.length === 0) return []
  const [xs, ys] = [seen.map(([x]) => place(x)), seen.map(([, y]) => y)]
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)]
  const column = (x: number) => Math.round(((place(x) - left) / (right - left || 1)) * (2 * width - 1))
  const cells = Array.from({ length: height }, () => new Uint8Array(width))
  for (const [x, y] of seen) {
    const [c, r] = [column(x), Math.round(((high - y) / (high - low || 1)) * (2 * height - 1))]
    cells[r >> 1]![c >> 1]! |= 1 << ((r & 1) * 2 + (c & 1))
  }
  const labels = cells.map((_, r) => (r === 0 ? formatY(high) : r === height - 1 ? formatY(low) : ''))
  const margin = Math.max(...labels.map((label) => label.length))
  const lines = cells.map(
    (row, r) =>
      `${labels[r]!.padStart(margin)} │${[...row]
        .map((bits) => quadrants[bits])
        .join('')
        .trimEnd()}`,
  )
  const axis = Array<string>(width).fill('─')
  for (const [letter, x] of Object.entries(marks)) {
    const at = column(x) >> 1
    if (at >= 0 && at < width) axis[at] = letter
  }
  const [from, to] = [formatX(Math.min(...seen.map(([x]) => x))), formatX(Math.max(...seen.map(([x]) => x)))]
  const pad = ' '.repeat(margin + 1)
  return [...lines, `${pad}└${axis.join('')}`, `${pad} ${from}${to.padStart(Math.max(1, width - from.length))}`]
}
