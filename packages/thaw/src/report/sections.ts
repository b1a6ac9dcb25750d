// What a report is made of: sections are plain data, drawn by `htmlReport`.
import type { MeanDeviation } from '../metrics/deviation.js'

export type Point = readonly [x: number, y: number]

export type Section = { title?: string /** One or two sentences under the title. */; text?: string } & (
  | { kind: 'prose'; paragraphs: readonly string[] }
  | { kind: 'facts'; facts: Readonly<Record<string, string | number>> }
  | { kind: 'table'; columns: readonly string[]; rows: readonly (readonly (string | number)[])[] }
  | { kind: 'lines'; series: readonly { name: string; points: readonly Point[] }[]; x: Axis; y: Axis }
  | { kind: 'points'; points: readonly { name: string; x: number; y: number; deviation?: number }[]; x: Axis; y: Axis }
  | { kind: 'bars'; bars: readonly ({ name: string; note?: string } & Pick<MeanDeviation, 'mean' | 'deviation'>)[]; value: Axis }
  | { kind: 'confusion'; labels: readonly string[] /** `confusion[truth][predicted]` */; confusion: readonly (readonly number[])[] }
  | { kind: 'predictions'; predictions: readonly { text: string; truth?: string; scores: readonly { label: string; score: number }[] }[] }
)

export type Axis = {
  title: string
  /** Logarithmic: values that are not above 0 are left out. */
  log?: boolean
  /** Where the axis begins; without it, lines begin near their lowest value and bars at 0. */
  from?: number
  /** Where the axis ends (bars of per cent: 100). */
  to?: number
}
