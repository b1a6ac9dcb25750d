// What an adaptation keeps of the model it began with, beside the parameters that it changes.

import type { Executor, Store, Tensor } from '@thaw/tensor'
import type { RecipePlan } from './recipe/plan.js'

/**
 * The stores of what the model was before it is adapted: the values that parameters are pulled to and that old predictions are made from (`anchor`), and the
 * Fisher information. @throws where a recipe needs it and it was not given.
 */
export async function anchorStores(
  executor: Executor,
  params: Store,
  plan: RecipePlan,
  {
    reached,
    old,
    fisher,
  }: { reached: ReadonlyMap<string, Tensor>; old: ReadonlyMap<string, Tensor>; fisher: ReadonlyMap<string, Float32Array> | undefined },
): Promise<Record<string, Store>> {
  const pulled = [...reached.keys()].filter((path) => plan.pullOf(path))
  const kept = new Map([...old, ...pulled.map((path) => [path, reached.get(path)!] as const)])
  if (kept.size === 0) return {}
  const anchor = await executor.store('anchor')
  await anchor.declare([...kept.values()])
  for (const path of kept.keys()) await anchor.write(path, await params.read(path))
  const weighted = pulled.filter((path) => plan.pullOf(path)!.fisher)
  if (weighted.length === 0) return { anchor }
  const missing = weighted.find((path) => !fisher?.has(path))
  if (missing)
    throw new Error(
      `recipe: ewc needs the Fisher information of ${missing}: give it as the option fisher (fisherInformation computes it from pretraining text)`,
    )
  const weights = await executor.store('fisher')
  await weights.declare(weighted.map((path) => reached.get(path)!))
  for (const path of weighted) await weights.write(path, fisher!.get(path)!)
  return { anchor, fisher: weights }
}
