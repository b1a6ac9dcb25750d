// Learning-rate schedules: functions from a step (from 0) to a factor of the peak rate.

export type Schedule = (step: number) => number

export const constant = (): Schedule => () => 1
export const linear =
  ({ warmup = 0, total, floor = 0 }: { warmup?: number; total: number; floor?: number }): Schedule =>
  (step) =>
    step < warmup ? (step + 1) / (warmup + 1) : floor + (1 - floor) * Math.max(0, (total - step) / Math.max(1, total - warmup))
export const cosine =
  ({ warmup = 0, total, floor = 0 }: { warmup?: number; total: number; floor?: number }): Schedule =>
  (step) =>
    step < warmup
      ? (step + 1) / (warmup + 1)
      : floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, (step - warmup) / Math.max(1, total - warmup))))
export const inverseSquareRoot =
  ({ warmup = 1 }: { warmup?: number } = {}): Schedule =>
  (step) =>
    Math.min((step + 1) / warmup, Math.sqrt(warmup / (step + 1)))
