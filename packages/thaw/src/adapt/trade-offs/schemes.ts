// The schemes that are compared, by name, with settings of their own: a rate that suits one scheme is a bad one for another.

import type { TransformerConfig } from '../../models/config.js'
import { namedRecipe, type RecipeName, recipes } from '../recipe/presets.js'
import { type AdaptSettings, adaptationSettings, type Scheme, schemes } from '../settings.js'

/** What is compared where nothing is said: from everything to next to nothing. */
export const defaultSchemes: readonly string[] = ['full', 'gradual-unfreezing', 'houlsby', 'lora', 'bitfit', 'frozen']

export const schemeNames: readonly string[] = [...schemes, ...Object.keys(recipes)]

/**
 * Recipes whose new modules train beside a frozen model: they want larger steps, ten times as large in the tutorial (hands-on 4). Projected attention is not
 * among them: with 30 times the rate it fails on both checkpoints of the repository, with 10 times it learns badly on the causal one.
 */
const small: readonly string[] = [
  ...['houlsby', 'tutorial-adapters', 'convolution-adapters', 'attention-adapters', 'parallel-adapter'],
  ...['lora', 'ia3', 'bitfit', 'head-only'],
]

/**
 * The settings of a scheme: those that all share, then its own. `rates` has peak rates by scheme, `strengths` those of regularizers; without one it is the
 * default of the scheme.
 *
 * @throws naming the schemes there are, or those with a strength.
 */
export function schemeSettings(
  name: string,
  shared: Partial<Omit<AdaptSettings, 'scheme' | 'recipe' | 'rate'>>,
  { rates = {}, strengths = {} }: { rates?: Readonly<Record<string, number>>; strengths?: Readonly<Record<string, number>> },
  model: TransformerConfig,
  examples: number,
): AdaptSettings {
  if (!schemeNames.includes(name)) throw new Error(`scheme ${JSON.stringify(name)}: expected some of ${schemeNames.join(', ')}`)
  const own: Partial<AdaptSettings> = (schemes as readonly string[]).includes(name)
    ? { scheme: name as Scheme }
    : { recipe: namedRecipe(name as RecipeName, strengths[name]) }
  // a frozen backbone is read through a mix of its layers' means
  const { pooling, ...rest } = shared
  const settings = adaptationSettings({ ...rest, ...own, ...(pooling && name !== 'frozen' ? { pooling } : {}) }, model, examples)
  return { ...settings, rate: rates[name] ?? (small.includes(name) ? Number((10 * settings.rate).toPrecision(6)) : settings.rate) }
}
