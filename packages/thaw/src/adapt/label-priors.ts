// Where a text may have several labels, most of them are absent from most texts. A new head begins with saying so: each bias is the log-odds of its label's
// frequency (Lin et al. 2017, "Focal loss", section 3.3), and no steps are spent on driving dozens of probabilities from a half to a few per cent.

import type { Store } from '@thaw/tensor'

/** ln(w (n_c + ½) / (n − n_c + ½)) for each label of n_c among n examples; w is its positive weight in the loss. */
export function priorLogOdds(targets: readonly (readonly number[])[], labels: number, weights?: readonly number[]): Float32Array {
  const counts = Array<number>(labels).fill(0)
  for (const k of targets.flat()) counts[k]! += 1
  return Float32Array.from(counts, (count, k) => Math.log(((weights?.[k] ?? 1) * (count + 0.5)) / (targets.length - count + 0.5)))
}

/** Sets the bias of a head that no checkpoint brought along. */
export async function startFromPriors(params: Store, fresh: readonly string[], priors: Float32Array): Promise<void> {
  for (const path of ['heads.classification.bias', 'heads.pair.bias']) if (fresh.includes(path)) await params.write(path, priors)
}
