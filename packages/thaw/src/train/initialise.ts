// Initial values of parameters: N(0, 0.02²) for matrices (GPT, BERT), ones for the norms' gains, zeros for biases; modules that are put into a pretrained
// network begin as (nearly) nothing: adapters with 0.01 (Houlsby et al. 2019), the second factor of a low-rank update with zeros, scales with ones.

import type { Store } from '@thaw/tensor'
import { hash } from '../text/random.js'

/** The last matrices of modules that are to be nothing at first: low-rank updates, parallel adapters (He et al. 2022), projected attention. */
const zeroAtFirst = /\.lora\.B$|\.parallel\.up\.weight$|^pal\.decode\.weight$/

/** A number from a path, so that a parameter's values depend on the seed and its own name only. */
const pathSeed = (seed: number, path: string): number => [...path].reduce((state, letter) => hash(state, letter.charCodeAt(0)), seed)

/** Fills parameters as a new model has them. */
export async function initialise(store: Store, shapes: Iterable<readonly [string, readonly number[]]>, seed: number, std = 0.02): Promise<void> {
  for (const [path, shape] of shapes) {
    if (zeroAtFirst.test(path)) await store.fill(path, { value: 0 })
    else if (shape.length > 1) await store.fill(path, { std: path.includes('.adapter.') ? 0.01 : std, seed: pathSeed(seed, path) })
    else await store.fill(path, { value: path.endsWith('norm.weight') || path.endsWith('.scale') ? 1 : 0 })
  }
}
