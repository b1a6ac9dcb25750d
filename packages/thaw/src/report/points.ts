// Named points in a plane, each with its deviation as a whisker: costs on one axis, what they bring on the other.
import { type Frame, scaleOf, shown, xAxis, yAxis } from './axes.js'
import { element, escaped, round } from './html.js'
import type { Section } from './sections.js'

/** How many colours (`--series-1` …) there are. */
const colours = 7

/** A name stands beside its point, on the side where there is room; names that would touch are moved apart. */
export function pointChart({ points, x: xOf, y: yOf }: Extract<Section, { kind: 'points' }>): string {
  const frame: Frame = { width: 720, height: 380, left: 70, right: 30, top: 36, bottom: 50 }
  const usable = points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y) && (!xOf.log || x > 0) && (!yOf.log || y > 0))
  const x = scaleOf(
    xOf,
    usable.map((point) => point.x),
    [frame.left + 20, frame.width - frame.right - 20],
  )
  const ends = usable.flatMap(({ y, deviation = 0 }) => [y - deviation, y + deviation])
  const y = scaleOf(yOf, ends, [frame.height - frame.bottom, frame.top])
  const taken: { left: number; right: number; y: number }[] = []
  const marks = usable.map((point, k) => {
    const [cx, cy] = [round(x(point.x)), round(y(point.y))]
    const width = 7.5 * point.name.length
    const left = cx > frame.width / 2
    const room = left ? { left: cx - 10 - width, right: cx - 10 } : { left: cx + 10, right: cx + 10 + width }
    let at = cy
    while (taken.some((other) => Math.abs(other.y - at) < 16 && other.left < room.right && room.left < other.right)) at -= 16
    taken.push({ ...room, y: at })
    const deviation = point.deviation ?? 0
    const whisker =
      deviation > 0 ? element('path', { class: 'whisker', d: `M${cx},${round(y(point.y - deviation))}V${round(y(point.y + deviation))}` }) : ''
    const value = `${point.name}: ${shown(point.y)}${deviation > 0 ? ` ± ${shown(deviation)}` : ''} at ${shown(point.x)}`
    return element(
      'g',
      { style: `--c: var(--series-${(k % colours) + 1})` },
      element('title', {}, escaped(value)),
      whisker,
      element('circle', { class: 'dot', cx, cy, r: 5 }),
      element('text', { class: 'name', x: left ? room.right : room.left, y: at + 5, 'text-anchor': left ? 'end' : 'start' }, escaped(point.name)),
    )
  })
  const label = `${yOf.title} by ${xOf.title}: ${usable.map((point) => `${point.name} ${shown(point.y)} at ${shown(point.x)}`).join(', ')}`
  const chart = element(
    'svg',
    { viewBox: `0 0 ${frame.width} ${frame.height}`, role: 'img', 'aria-label': label },
    yAxis(frame, y, yOf),
    xAxis(frame, x, xOf),
    ...marks,
  )
  return element('figure', { class: 'chart' }, chart)
}
