// The graph of a masked language model and what it is fed with: rows of ids in which some tokens are hidden, and the places where they are guessed.

import { dim, input, ops, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../../models/config.js'
import { languageHead, languageHeadLoss } from '../../models/language-head.js'
import { type TransformerInputs, transformer } from '../../models/transformer.js'
import type { Scope } from '../../nn/scope.js'
import type { Tokenizer } from '../../text/tokenizer/index.js'
import type { Masked } from './masking.js'
import { type Feeds, ignored } from './objective.js'

/** Ids as rows with [CLS] before and [SEP] after them, where the tokenizer has these, as texts look later on. */
export function framing({ special: { cls, sep } }: Tokenizer): { extra: number; rows(windows: readonly Int32Array[]): Int32Array } {
  const extra = cls && sep ? 2 : 0
  return {
    extra,
    rows(windows) {
      const time = windows[0]!.length + extra
      const rows = new Int32Array(windows.length * time)
      windows.forEach((window, r) => {
        rows.set(extra ? [cls!.id, ...window, sep!.id] : window, r * time)
      })
      return rows
    },
  }
}

/** A masked batch as feeds. */
export function maskedFeeds({ ids, places, targets }: Masked, shape: readonly [number, number]): Feeds {
  return {
    ids: { data: ids, shape },
    places: { data: places, shape: [places.length] },
    targets: { data: targets, shape: [targets.length] },
  }
}

interface MaskedGraph {
  /** Rows [batch·time, hidden]. */
  hidden: Tensor
  loss: Tensor
  sum: Tensor
  count: Tensor
}

/** Feeds: ids, i32 [batch, time]; places, i32 [places], indices into them; targets, i32 [places], −100 where a place does not count. */
export function maskedGraph(scope: Scope, config: TransformerConfig, transform: boolean, more: Omit<TransformerInputs, 'ids'> = {}): MaskedGraph {
  const { hidden } = transformer(scope, config, { ids: input('ids', [dim('batch'), dim('time')], 'i32'), ...more })
  const rows = ops.gather(hidden, input('places', [dim('places')], 'i32'))
  return { hidden, ...languageHeadLoss(languageHead(scope, config, rows, transform), input('targets', [dim('places')], 'i32'), ignored) }
}
