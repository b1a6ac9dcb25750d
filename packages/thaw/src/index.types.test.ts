// The public API as DESIGN section 4 has it, pinned by the compiler: a change of a signature that users write against stops the build here.
// Nothing of this runs but the last test, which asks that the names are there.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bound, type Executor, type Gradient, grad, input, type Program, parameter, type Shape, type Store, type Tensor } from '@thaw/tensor'
import {
  type AdaptOptions,
  type AdaptReport,
  adapt,
  type Backbone,
  type ClassificationTask,
  type Classifier,
  classification,
  discriminativeRates,
  gradualUnfreezing,
  type Ingredient,
  load,
  loadClassifier,
  type Prediction,
  type PretrainReport,
  type PretrainSettings,
  pretrain,
  type Recipe,
  recipe,
  slantedTriangular,
} from './index.js'

/** Whether two types are the same, not merely assignable to each other. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type Accepts<Wanted, Given> = Given extends Wanted ? true : false
type Refuses<Wanted, Given> = Given extends Wanted ? false : true

/** Compiles only where the type argument is `true`. */
function holds<_Claim extends true>(): void {}

test('the public API keeps its types', () => {
  // const backbone = await load('./checkpoints/wiki-lm')
  holds<Same<Awaited<ReturnType<typeof load>>, Backbone>>()
  holds<Accepts<Parameters<typeof load>[0], string>>()
  holds<Accepts<ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>, Backbone['parameters']>>()

  // recipe: recipe(gradualUnfreezing(), discriminativeRates({ decay: 0.9 }), slantedTriangular())
  holds<Accepts<(...parts: (Ingredient | Recipe)[]) => Recipe, typeof recipe>>()
  holds<Accepts<() => Ingredient, typeof gradualUnfreezing>>()
  holds<Accepts<(options: { decay: number }) => Ingredient, typeof discriminativeRates>>()
  holds<Accepts<() => Ingredient, typeof slantedTriangular>>()
  holds<Accepts<AdaptOptions, { train: []; valid: []; recipe: Recipe }>>()

  // const task = classification({ labels })
  holds<Accepts<(options: { labels: readonly string[] }) => ClassificationTask, typeof classification>>()
  holds<Refuses<Parameters<typeof classification>[0], { labels: number[] }>>()

  // const { model, report } = await adapt(backbone, task, { train, valid, epochs: 3, seed: 1 })
  holds<Same<Awaited<ReturnType<typeof adapt<ClassificationTask>>>, { model: Classifier; report: AdaptReport }>>()
  holds<Accepts<Parameters<typeof adapt>, [Backbone, ClassificationTask, AdaptOptions]>>()
  type Labelled = { text: string; label: string }[]
  holds<Accepts<AdaptOptions, { train: Labelled; valid: Labelled; epochs: 3; seed: 1 }>>()
  holds<
    Accepts<AdaptOptions, { train: Labelled; valid: Labelled; test: Labelled; scheme: 'frozen' | 'full' | 'scratch'; rate: number; batch: number }>
  >()
  holds<Refuses<AdaptOptions, { train: Labelled; valid: Labelled; epochs: string }>>()
  holds<Refuses<AdaptOptions, { train: Labelled; valid: Labelled; scheme: 'thawed' }>>()
  holds<Refuses<AdaptOptions, { train: string[]; valid: Labelled }>>()
  holds<Refuses<AdaptOptions, { valid: Labelled }>>()
  holds<Same<AdaptReport['valid']['accuracy'], number>>()

  holds<Accepts<Prediction, { label: string; score: number }>>()
  // await model.predict('Who wrote Hamlet?'); await model.save('./trec')
  holds<Accepts<(text: string) => Promise<Prediction[]>, Classifier['predict']>>()
  holds<Accepts<(texts: readonly string[]) => Promise<Prediction[][]>, Classifier['predict']>>()
  holds<Accepts<(folder: string) => Promise<void>, Classifier['save']>>()
  holds<Accepts<AsyncDisposable, Classifier>>()
  holds<Same<Awaited<ReturnType<typeof loadClassifier>>, Classifier>>()

  // await pretrain({ text: ['wiki/*.txt'], size: 'tiny', minutes: 30 }, { out: 'checkpoints/wiki' })
  holds<Accepts<Parameters<typeof pretrain>[0], { text: string[]; size: 'tiny'; minutes: 30 }>>()
  holds<Accepts<Parameters<typeof pretrain>[1], { out: string; resume: true; signal: AbortSignal }>>()
  holds<Refuses<Parameters<typeof pretrain>[0], { size: 'tiny' }>>()
  holds<Refuses<PretrainSettings['size'], 'huge'>>()
  holds<Same<Awaited<ReturnType<typeof pretrain>>, PretrainReport>>()
})

test('the engine keeps its types', () => {
  holds<Accepts<(name: string, shape: Shape, dtype?: 'f32' | 'i32' | 'bool') => Tensor, typeof input>>()
  holds<Accepts<(path: string, shape: readonly number[]) => Tensor, typeof parameter>>()
  holds<Accepts<(loss: Tensor, wrt: readonly Tensor[]) => Gradient[], typeof grad>>()
  holds<Same<Gradient['tensor'], Tensor>>()
  // state is bound by namespace, and a program names no backend (E1)
  holds<Accepts<(program: Program) => Promise<{ bind(stores: Readonly<Record<string, Store>>): Bound }>, Executor['compile']>>()
  holds<Accepts<(name: string) => Promise<Store>, Executor['store']>>()
  holds<Accepts<AsyncDisposable, Executor>>()
})

test('the check itself tells types apart', () => {
  const same: [Same<string, string>, Same<string, unknown>, Same<{ a?: 1 }, { a: 1 }>] = [true, false, false]
  const fits: [Accepts<string, 'a'>, Refuses<string, 1>, Refuses<string, 'a'>] = [true, true, false]
  assert.deepEqual([same, fits].map(String), ['true,false,false', 'true,true,false'])
  for (const name of [
    load,
    adapt,
    classification,
    recipe,
    gradualUnfreezing,
    discriminativeRates,
    slantedTriangular,
    loadClassifier,
    pretrain,
    grad,
    input,
    parameter,
  ])
    assert.equal(typeof name, 'function')
})
