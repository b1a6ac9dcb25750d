// What a run keeps of itself, so that it is gone on with as it was begun: its place, its settings, and a fingerprint of its data.

import { digest } from '#training-state'
import type { Task } from '../tasks/task.js'
import type { AdaptReport, LabelledText } from './adapt.js'
import type { Kind } from './kinds.js'
import type { AdaptSettings } from './settings.js'

/** Where a run stands: kept with its parameters. */
export interface Position {
  step: number
  bestEpoch: number
  epochs: AdaptReport<Kind>['epochs']
  seconds: number
  /** Of the losses' parts, since the last validation. */
  sums: Record<string, number>
  /** What the run was started with: it goes on with the same. */
  settings: AdaptSettings
  data: string
}

/** What a run was made from, as one short text. */
export const fingerprint = (train: readonly LabelledText[], valid: readonly LabelledText[], task: Task): string => {
  const plain = (examples: readonly LabelledText[]) =>
    examples.map(({ text, pair, choices, label, labels }) => [text, pair, label, choices, ...(labels ? [labels] : [])])
  return digest(JSON.stringify([plain(train), plain(valid), task]))
}

/** The saved position, if it belongs to this run. @throws saying what differs. */
export function sameRun(saved: Position | undefined, now: Position, folder: string): Position | undefined {
  if (!saved) return undefined
  if (saved.data !== now.data) throw new Error(`${folder}: the run was started with other texts or labels; bring those back, or start a new run`)
  for (const [name, value] of Object.entries(now.settings)) {
    const was = saved.settings[name as keyof AdaptSettings]
    const text = (setting: unknown) => (typeof setting === 'object' ? JSON.stringify(setting) : String(setting))
    if (text(was) !== text(value))
      throw new Error(`${folder}: the run was started with ${name} ${text(was)}, now it is ${text(value)}; a resumed run keeps its settings`)
  }
  return saved
}
