// Named sizes of causal and masked Transformers.

import type { TransformerConfig } from './config.js'

export type SizeName = 'nano' | 'tiny' | 'small' | 'tutorial'

type Sizes = Pick<TransformerConfig, 'hidden' | 'layers' | 'heads' | 'inner' | 'positions'> & { vocabulary: number }

/** `tutorial` is the model of the tutorial's hands-on part: 50,396,360 parameters with its vocabulary. */
export const sizes: Readonly<Record<SizeName, Sizes>> = {
  nano: { hidden: 128, layers: 2, heads: 4, inner: 512, positions: 64, vocabulary: 4000 },
  tiny: { hidden: 256, layers: 4, heads: 8, inner: 1024, positions: 128, vocabulary: 8000 },
  small: { hidden: 384, layers: 6, heads: 12, inner: 1536, positions: 256, vocabulary: 16000 },
  tutorial: { hidden: 410, layers: 16, heads: 10, inner: 2100, positions: 256, vocabulary: 28996 },
}

/** A configuration by name: GPT-2's form (pre-LN, tanh GELU) for the general sizes, the tutorial's own for `tutorial`. */
export function configOf(size: SizeName, overrides: Partial<TransformerConfig> = {}): TransformerConfig {
  const known = sizes[size]
  if (!known) throw new Error(`size ${JSON.stringify(size)}: expected one of ${Object.keys(sizes).join(', ')}`)
  const tutorial = size === 'tutorial'
  return {
    ...known,
    block: tutorial ? 'tutorial' : 'pre',
    causal: true,
    positionKind: 'learned',
    activation: tutorial ? 'relu' : 'gelu-tanh',
    dropout: tutorial ? 0.1 : 0,
    normEpsilon: tutorial ? 1e-12 : 1e-5,
    segments: 0,
    pooler: false,
    ...overrides,
  }
}
