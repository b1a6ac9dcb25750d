// Several adapters on one loaded backbone. The backbone's parameters stand in one store, each adapter's in one of its own under the namespace `adapter`,
// and a program is bound to the one or the other at each call (DESIGN E1): changing the task copies nothing and compiles nothing. Adapters of the same
// form (recipe, pooling, number of labels, how pairs are read) share one program.

import { createExecutor, type Executable, type Executor } from '@thaw/tensor'
import { Scope } from '../../nn/scope.js'
import { type Backbone, saveBackbone } from '../backbone.js'
import { type Classifier, classifierGraph, createClassifier, fillStore } from '../classifier.js'
import { scopeOptionsOf } from '../network.js'
import { addedRow, tableWithRow, tokenTable, withClf } from '../parameters.js'
import type { Adapter } from './adapter.js'
import { type AttachOptions, checkAdapter, tableFor, withAdapter } from './attach.js'

export interface AdapterSet {
  /** The adapters that are there, by name. */
  readonly names: readonly string[]
  /** Programs compiled so far: one a form. */
  readonly programs: number
  /** Checks an adapter and adds it; one of that name is replaced. @throws where it was trained on another model. */
  add(name: string, adapter: Adapter, options?: AttachOptions): Promise<Classifier>
  /** The classifier of an adapter: predict, probabilities, evaluate. It lives as long as the set. @throws listing the names there are. */
  classifier(name: string): Classifier
  remove(name: string): Promise<void>
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

interface Member {
  classifier: Classifier
  dispose(): Promise<void>
}

/**
 * A loaded backbone that takes adapters.
 *
 * ```ts
 * await using set = await adapterSet(await load('all-MiniLM-L6-v2'))
 * await set.add('tickets', await loadAdapter('./tickets-adapter'))
 * await set.add('questions', await loadAdapter('./questions-adapter'))
 * await set.classifier('questions').predict('Who wrote Hamlet?')
 * ```
 */
export async function adapterSet(base: Backbone, options: { threads?: number } | { executor: Executor } = {}): Promise<AdapterSet> {
  const executor = 'executor' in options ? options.executor : await createExecutor(options)
  // room for the token that some adapters add: one shape for all programs
  const { config, clf } = withClf(base, { pooling: 'clf' })
  const backbone = new Map([...base.parameters].filter(([path]) => !path.startsWith('heads.')))
  const params = await fillStore(executor, backbone.set(tokenTable, tableFor(base, config, clf!)))
  const programs = new Map<string, Executable>()
  const members = new Map<string, Member>()

  const programFor = async ({ details, parameters }: Adapter): Promise<Executable> => {
    const paths = [...parameters.keys()]
    const { recipe, pooling, mix, labels, segments } = details
    const form = JSON.stringify([recipe, pooling, mix, labels.length, details.form, segments, paths])
    const known = programs.get(form)
    if (known) return known
    const { sites, parametrize } = scopeOptionsOf(details.recipe, config)
    const withRow = new Map(parametrize)
    if (parameters.has(addedRow))
      withRow.set(tokenTable, (weight, scope) => tableWithRow(weight, clf!, scope.parameter(addedRow, [1, config.hidden])).table)
    const namespaceOf = (path: string) => (parameters.has(path) ? 'adapter' : 'params')
    const scope = new Scope({ ...(sites ? { sites } : {}), parametrize: withRow, namespaceOf })
    const program = await executor.compile({ outputs: { probabilities: classifierGraph(scope, config, details) } }, { inference: true })
    programs.set(form, program)
    return program
  }

  const remove = async (name: string) => {
    await members.get(name)?.dispose()
    members.delete(name)
  }
  const dispose = async () => {
    for (const name of [...members.keys()]) await remove(name)
    for (const program of programs.values()) await program.dispose()
    await params.dispose()
    if (!('executor' in options)) await executor[Symbol.asyncDispose]()
  }
  return {
    get names() {
      return [...members.keys()]
    },
    get programs() {
      return programs.size
    },
    async add(name, adapter, attach = {}) {
      if (adapter.details.task === 'multi-label')
        throw new Error(
          `${adapter.source}: it gives a text several labels, and a set has classifiers of one; put it onto the backbone alone: multiLabelFrom(await withAdapter(base, adapter))`,
        )
      const { tokenizer } = await checkAdapter(base, adapter, attach)
      const program = await programFor(adapter)
      const store = await executor.store('adapter')
      await store.declare([...adapter.parameters].map(([path, { shape }]) => ({ path, shape, dtype: 'f32' })))
      for (const [path, { data }] of adapter.parameters) await store.write(path, data)
      const shared = { program, stores: { adapter: store } }
      const classifier = await createClassifier({ config, tokenizer, details: adapter.details, executor, params, owns: false, shared })
      await remove(name)
      const save = async (folder: string) => saveBackbone(folder, await withAdapter(base, adapter, attach))
      const member = { classifier: { ...classifier, save }, dispose: () => store.dispose() }
      members.set(name, member)
      return member.classifier
    },
    classifier(name) {
      const member = members.get(name)
      if (!member)
        throw new Error(`adapter ${JSON.stringify(name)}: there is none of that name; there are ${[...members.keys()].join(', ') || 'none'}`)
      return member.classifier
    },
    remove,
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}
