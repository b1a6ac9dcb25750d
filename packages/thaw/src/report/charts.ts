// The charts of a report as inline SVG: colours come from the page's style (light and dark), values are read by hovering or by a screen reader.
import { type Frame, scaleOf, shown, xAxis, yAxis } from './axes.js'
import { element, escaped, round } from './html.js'
import type { Point, Section } from './sections.js'
import { drawingStyle } from './style.js'

type Kind<K extends Section['kind']> = Extract<Section, { kind: K }>

/** How many colours (`--series-1` …) and line patterns there are; further series begin again with another pattern. */
const colours = 7
const dashes = ['none', '7 4', '2 3', '9 3 2 3']

/** A chart wider than it is useful costs more than it shows: each series is thinned to this many points. */
const mostPoints = 400

/** Curves with a legend; the nearest point of the series under the pointer is shown by the page's script, and by <title> without it. */
export function lineChart(section: Kind<'lines'>): string {
  return element('figure', { class: 'chart lines' }, legend(section.series.map(({ name }) => name)), curves(section))
}

/**
 * Curves with title and legend as an SVG file that needs nothing else, for a document: light or dark by the reader's setting.
 *
 * ```ts
 * writeFileSync('curve.svg', lineDrawing({ title: 'Loss', x: { title: 'step' }, y: { title: 'nats' }, series: [{ name: 'train', points: [[1, 9.1], [2, 8.7]] }] }))
 * ```
 */
export function lineDrawing(section: Omit<Kind<'lines'>, 'kind'>): string {
  const { width } = curveFrame
  const [line, margin] = [22, 10]
  // names beside each other as long as there is room, a letter taking about 8 pixels
  let [x, row] = [curveFrame.left, 0]
  const items = section.series.map(({ name }, k) => {
    const wide = 34 + 8 * name.length + 18
    if (x + wide > width && x > curveFrame.left) [x, row] = [curveFrame.left, row + 1]
    const y = 46 + row * line
    const item = element(
      'g',
      { style: seriesColour(k) },
      element('line', { class: 'curve', x1: x, x2: x + 26, y1: y - 5, y2: y - 5, 'stroke-dasharray': dashOf(k) }),
      element('text', { class: 'name', x: x + 34, y }, escaped(name)),
    )
    x += wide
    return item
  })
  const top = 46 + row * line + 8
  const height = top + curveFrame.height
  const chart = element('g', { transform: `translate(0 ${top})` }, ...curveParts(section))
  const title = section.title ? element('text', { class: 'name', x: curveFrame.left, y: 20, 'font-weight': 600 }, escaped(section.title)) : ''
  const drawing = element(
    'svg',
    {
      viewBox: `${-margin} 0 ${width + 2 * margin} ${height}`,
      role: 'img',
      'aria-label': `${section.title ? `${section.title}. ` : ''}${curveLabel(section)}`,
    },
    element('rect', { class: 'ground', x: -margin, width: width + 2 * margin, height }),
    title,
    ...items,
    chart,
  )
  return element(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', class: 'chart', width: width + 2 * margin, height },
    `<style>${drawingStyle}</style>`,
    drawing,
  )
}

const curveFrame: Frame = { width: 720, height: 340, left: 70, right: 18, top: 36, bottom: 50 }
const curveLabel = ({ x, y, series }: Omit<Kind<'lines'>, 'kind'>): string => `${y.title} by ${x.title}: ${series.map(({ name }) => name).join(', ')}`
const curves = (section: Kind<'lines'>): string => svg(curveFrame, curveLabel(section), ...curveParts(section))
const seriesColour = (k: number): string => `--c: var(--series-${(k % colours) + 1})`

function curveParts(section: Omit<Kind<'lines'>, 'kind'>): string[] {
  const frame = curveFrame
  const usable = ([x, y]: Point) => Number.isFinite(x) && Number.isFinite(y) && (!section.x.log || x > 0) && (!section.y.log || y > 0)
  const series = section.series.map(({ name, points }) => ({ name, points: thin(points.filter(usable)) }))
  const all = series.flatMap(({ points }) => points)
  const x = scaleOf(
    section.x,
    all.map(([value]) => value),
    [frame.left, frame.width - frame.right],
  )
  if (section.x.from === undefined && section.x.to === undefined && all.length > 1) {
    const values = all.map(([value]) => value)
    x.domain([values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))])
    if (x.domain()[0] === x.domain()[1]) x.domain([x.domain()[0]! / 2, x.domain()[0]! * 2 || 1])
  }
  const y = scaleOf(
    section.y,
    all.map(([, value]) => value),
    [frame.height - frame.bottom, frame.top],
  )
  const clip = (value: number, [low, high]: number[]) => Math.min(Math.max(value, Math.min(low!, high!)), Math.max(low!, high!))
  const drawn = series.map(({ name, points }, k) => {
    const at = points.map(([px, py]) => [round(clip(x(px), x.range())), round(clip(y(py), y.range()))] as const)
    const last = points.at(-1)
    const summary = last ? `${name}: last ${shown(last[1])} at ${shown(last[0])}` : `${name}: no values`
    const style = seriesColour(k)
    const data = JSON.stringify(points.map(([px, py], i) => [at[i]![0], at[i]![1], shown(px), shown(py)]))
    const path = element('path', {
      class: 'curve',
      d: `M${at.map((point) => point.join(',')).join('L') || '0,0'}`,
      'stroke-dasharray': dashOf(k),
    })
    const dots = at.length <= 30 ? at.map(([cx, cy]) => element('circle', { class: 'dot', cx, cy, r: 2.6 })).join('') : ''
    return element('g', { class: 'series', style, 'data-name': name, 'data-points': data }, element('title', {}, escaped(summary)), path, dots)
  })
  return [yAxis(frame, y, section.y), xAxis(frame, x, section.x), ...drawn]
}

/** Horizontal bars, each under its name (which so stays whole on a phone), the mean as a number, ± deviation as a whisker. */
export function barChart(section: Kind<'bars'>): string {
  const row = 56
  const frame: Frame = { width: 720, height: 6 + section.bars.length * row + 50, left: 8, right: 170, top: 0, bottom: 50 }
  const ends = section.bars.flatMap(({ mean, deviation }) => [mean, mean + deviation])
  const x = scaleOf(section.value, ends, [frame.left, frame.width - frame.right], true)
  const largest = ends.reduce((most, end) => Math.max(most, Math.abs(end)), 1e-9)
  const digits = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(largest))))
  const [low, high] = x.domain() as [number, number]
  const at = (value: number) => round(x(Math.min(Math.max(value, low), high)))
  const zero = at(0)
  const bars = section.bars.map(({ name, mean, deviation, note }, k) => {
    const top = frame.top + k * row + 28
    const middle = top + 11
    const value = mean.toFixed(digits) + (deviation > 0 ? ` ± ${deviation.toFixed(digits)}` : '')
    const [from, to] = [at(mean - deviation), at(mean + deviation)]
    const whisker =
      deviation > 0 ? element('path', { class: 'whisker', d: `M${from},${middle}H${to}M${from},${middle - 6}v12M${to},${middle - 6}v12` }) : ''
    return element(
      'g',
      { style: seriesColour(k) },
      element('title', {}, escaped(`${name}: ${value}${note ? ` (${note})` : ''}`)),
      element('text', { class: 'name', x: frame.left, y: top - 7 }, escaped(cut(note ? `${name} (${note})` : name, 60))),
      element('rect', { class: 'bar', x: Math.min(zero, at(mean)), y: top, width: Math.abs(at(mean) - zero), height: 22, rx: 3 }),
      whisker,
      element('text', { class: 'value', x: Math.max(to, zero) + 10, y: middle + 5 }, escaped(value)),
    )
  })
  const label = `${section.value.title}: ${section.bars.map(({ name, mean }) => `${name} ${mean.toFixed(digits)}`).join(', ')}`
  return element('figure', { class: 'chart' }, svg(frame, label, xAxis(frame, x, section.value, true), ...bars))
}

/** The confusion matrix as a table: the share of the row is the cell's colour, so that small classes count as much as large ones. */
export function confusionMatrix(section: Kind<'confusion'>): string {
  const head = section.labels.map((label) => element('th', { scope: 'col' }, element('span', {}, escaped(label))))
  const rows = section.confusion.map((counts, truth) => {
    const total = counts.reduce((sum, count) => sum + count, 0)
    const cells = counts.map((count, predicted) => {
      const share = total === 0 ? 0 : count / total
      const title = `${section.labels[truth]} taken for ${section.labels[predicted]}: ${count} of ${total} (${(100 * share).toFixed(1)} %)`
      const kind = `${truth === predicted ? 'hit' : 'miss'}${share > 0.55 ? ' full' : ''}`
      return element(
        'td',
        { class: kind, style: `--share: ${Math.round(100 * Math.sqrt(share))}%`, title },
        count === 0 ? '·' : count.toLocaleString('en-US'),
      )
    })
    return element('tr', {}, element('th', { scope: 'row' }, escaped(section.labels[truth] ?? truth)), ...cells)
  })
  const table = element(
    'table',
    { class: 'confusion' },
    element('thead', {}, element('tr', {}, '<td>truth ↓ predicted →</td>', ...head)),
    element('tbody', {}, ...rows),
  )
  return element('div', { class: 'scroll' }, table)
}

function legend(names: readonly string[]): string {
  const items = names.map((name, k) => {
    const line = element('line', { x1: 0, x2: 26, y1: 6, y2: 6, class: 'curve', 'stroke-dasharray': dashOf(k) })
    return element('li', { style: seriesColour(k) }, element('svg', { width: 26, height: 12, 'aria-hidden': 'true' }, line), escaped(name))
  })
  return element('ul', { class: 'legend' }, ...items)
}

const dashOf = (k: number): string => dashes[Math.floor(k / colours) % dashes.length]!

const svg = (frame: Frame, label: string, ...children: string[]): string =>
  element('svg', { viewBox: `0 0 ${frame.width} ${frame.height}`, role: 'img', 'aria-label': label }, ...children)

const cut = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length - 1)}…` : text)

// Of each stretch the lowest and the highest value stay, so that spikes are seen.
function thin(points: readonly Point[]): Point[] {
  if (points.length <= mostPoints) return [...points]
  const stretch = (2 * points.length) / (mostPoints - 2)
  const kept: Point[] = [points[0]!]
  for (let start = 1; start < points.length - 1; start += stretch) {
    const part = points.slice(Math.floor(start), Math.min(Math.floor(start + stretch), points.length - 1))
    if (part.length === 0) continue
    const low = part.reduce((a, b) => (b[1] < a[1] ? b : a))
    const high = part.reduce((a, b) => (b[1] > a[1] ? b : a))
    kept.push(...(low === high ? [low] : low[0] < high[0] ? [low, high] : [high, low]))
  }
  return [...kept, points.at(-1)!]
}
