// Scales, grid lines and titles of a chart, drawn as SVG.
import { type ScaleContinuousNumeric, scaleLinear, scaleLog } from 'd3-scale'
import { element, escaped } from './html.js'
import type { Axis } from './sections.js'

export type Frame = { width: number; height: number; left: number; right: number; top: number; bottom: number }

/** A scale over the axis's own bounds, else over the values, widened to round numbers. */
export function scaleOf(axis: Axis, values: readonly number[], range: [number, number], zero = false): ScaleContinuousNumeric<number, number> {
  const usable = values.filter((value) => Number.isFinite(value) && (!axis.log || value > 0))
  let low = axis.from ?? (zero && !axis.log ? Math.min(0, ...usable) : usable.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY))
  let high = axis.to ?? usable.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  if (!Number.isFinite(low)) low = axis.log ? 1 : 0
  if (!Number.isFinite(high)) high = axis.log ? 10 : 1
  if (axis.log && low <= 0) low = high / 1000
  if (high <= low) [low, high] = axis.log ? [low / 2, low * 2] : [low - (Math.abs(low) || 1) / 2, low + (Math.abs(low) || 1) / 2]
  const scale = axis.log ? scaleLog() : scaleLinear()
  scale.domain([low, high]).range(range)
  // Round the ends that were not asked for; a logarithmic axis would widen to whole powers of ten, mostly empty.
  return axis.log || (axis.from !== undefined && axis.to !== undefined) ? scale : scale.nice(5)
}

/** About `wanted` tick values with their texts: `2,000`, `5 k`, `0.5`. */
export function ticksOf(scale: ScaleContinuousNumeric<number, number>, wanted: number, log = false): { value: number; text: string }[] {
  let values = scale.ticks(wanted)
  if (log) {
    const [low, high] = scale.domain() as [number, number]
    if (high / low < 4) values = scaleLinear().domain([low, high]).ticks(wanted)
    else if (values.length > wanted * 1.6) values = values.filter((value) => /^[125]/.test(leading(value)))
    if (values.length > wanted * 1.6) values = values.filter((value) => leading(value).startsWith('1'))
  }
  const step = values.length > 1 ? Math.abs(values[1]! - values[0]!) : 1
  return values.map((value) => ({ value, text: tickText(value, log ? 0 : step) }))
}

/** Horizontal grid lines with their values on the left. */
export function yAxis(frame: Frame, scale: ScaleContinuousNumeric<number, number>, axis: Axis): string {
  const ticks = ticksOf(scale, 5, axis.log).map(({ value, text }) => {
    const y = scale(value)
    return (
      element('line', { class: 'grid', x1: frame.left, x2: frame.width - frame.right, y1: y, y2: y }) +
      element('text', { x: frame.left - 8, y: y + 5, 'text-anchor': 'end' }, escaped(text))
    )
  })
  return ticks.join('') + element('text', { class: 'axis-title', x: 0, y: 18 }, escaped(axis.title + (axis.log ? ' (log)' : '')))
}

/** Values under the chart, with the axis's title below them. */
export function xAxis(frame: Frame, scale: ScaleContinuousNumeric<number, number>, axis: Axis, grid = false): string {
  const base = frame.height - frame.bottom
  const ticks = ticksOf(scale, 5, axis.log).map(({ value, text }) => {
    const x = scale(value)
    const line = grid ? { class: 'grid', y1: frame.top, y2: base } : { class: 'tick', y1: base, y2: base + 4 }
    return element('line', { ...line, x1: x, x2: x }) + element('text', { x, y: base + 20, 'text-anchor': 'middle' }, escaped(text))
  })
  const title = element(
    'text',
    { class: 'axis-title', x: frame.width - frame.right, y: base + 43, 'text-anchor': 'end' },
    escaped(axis.title + (axis.log ? ' (log)' : '')),
  )
  return ticks.join('') + element('line', { class: 'base', x1: frame.left, x2: frame.width - frame.right, y1: base, y2: base }) + title
}

/** A value for hovering: four significant digits, thousands separated. */
export const shown = (value: number): string =>
  Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(4)))

function tickText(value: number, step: number): string {
  if (Math.abs(value) >= 10_000)
    return Math.abs(value) >= 1e6 ? `${Number((value / 1e6).toPrecision(4))} M` : `${Number((value / 1e3).toPrecision(4))} k`
  if (Math.abs(value) >= 1000) return value.toLocaleString('en-US')
  if (value !== 0 && Math.abs(value) < 1e-3) return value.toExponential().replace('e-', 'e−')
  const digits = step > 0 && step < 1 ? Math.ceil(-Math.log10(step) - 1e-9) : 0
  return step > 0 && digits > 0 ? value.toFixed(digits) : String(Number(value.toPrecision(4)))
}

const leading = (value: number): string => value.toExponential(3)
