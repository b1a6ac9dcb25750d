// When training has stopped to pay: no epoch of the last few was better on the validation examples than the best before (Prechelt 1998, "Early stopping — but
// when?").

/**
 * Whether `patience` epochs have passed without a better score, given every epoch's. A schedule that thaws layers is given its time: waiting is counted from
 * `since`, the epochs that had passed when the last stage began.
 *
 * ```ts
 * outOfPatience([0.7, 0.8, 0.79, 0.8], 2)   // true: the third and the fourth are not above the second
 * ```
 */
export function outOfPatience(scores: readonly number[], patience: number, since = 0): boolean {
  const best = scores.indexOf(Math.max(...scores)) + 1
  return scores.length > 0 && scores.length - Math.max(best, since) >= patience
}
