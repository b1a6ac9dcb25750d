// Yes or no, many times over: the loss of a sigmoid against what was wanted, as PyTorch's `BCEWithLogitsLoss` has it.

import { constant, ops, type Tensor } from '@thaw/tensor'

/**
 * The mean of −w y ln σ(z) − (1 − y) ln(1 − σ(z)) over logits z and wanted values y of the same shape [rows, columns]. `positiveWeights` are w, one a column;
 * without them 1. Computed as (1 − y) z + (1 + (w − 1) y) ln(1 + exp(−z)), which overflows nowhere.
 */
export function binaryCrossEntropy(logits: Tensor, wanted: Tensor, positiveWeights?: readonly number[]): Tensor {
  // ln(1 + exp(−z)) = max(−z, 0) + ln(1 + exp(−|z|))
  const softplus = ops.add(ops.maximum(ops.neg(logits), 0), ops.log(ops.add(ops.exp(ops.neg(ops.abs(logits))), 1)))
  const weighted = positiveWeights
    ? ops.mul(
        softplus,
        ops.add(
          ops.mul(
            wanted,
            constant(
              positiveWeights.map((w) => w - 1),
              [1, positiveWeights.length],
            ),
          ),
          1,
        ),
      )
    : softplus
  return ops.mean(ops.add(ops.mul(ops.sub(1, wanted), logits), weighted))
}
