// Several adapters on one loaded backbone. The backbone's parameters stand in one store, each adapter's in one of its own under the namespace `adapter`,
// and a program is bound to the one or the other at each call (DESIGN E1): changing the task copies nothing and compiles nothing. Adapters of the same
// form (recipe, pooling, number of labels, how pairs are read) share one program.

import { createExecutor, type Executable, type Executor } from '@thaw/tensor'
import { Scope } from '../../nn/scope.js'
import { type Backbone, saveBackbone } from '../backbone.js'
import { type Classifier, type ClassifierDetails, type ClassifierParts, classifierGraph, createClassifier, fillStore } from '../classifier.js'
import { createMultiLabelModel, type MultiLabelModel } from '../multi-label.js'
import { scopeOptionsOf } from '../network.js'
import { addedRow, tableWithRow, tokenTable, withClf } from '../parameters.js'
import type { Adapter } from './adapter.js'
import { type AttachOptions, checkAdapter, tableFor, withAdapter } from './attach.js'

export interface AdapterSet {
  /** The adapters that are there, by name. */
  readonly names: readonly string[]
  /** Programs compiled so far: one a form. */
  readonly programs: number
  /**
   * Checks an adapter and adds it; one of that name is replaced.
   *
   * @throws where it was trained on another model, or gives a text several labels.
   */
  add(name: string, adapter: Adapter, options?: AttachOptions): Promise<Classifier>
  /** The same with an adapter that gives a text all labels that fit. @throws where it gives a text one label. */
  addMultiLabel(name: string, adapter: Adapter, options?: AttachOptions): Promise<MultiLabelModel>
  /** The classifier of an adapter: predict, probabilities, evaluate. It lives as long as the set. @throws listing the names there are. */
  classifier(name: string): Classifier
  /** The same of an adapter that gives a text several labels. */
  multiLabel(name: string): MultiLabelModel
  remove(name: string): Promise<void>
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

type Member = { dispose(): Promise<void> } & ({ task: 'classification'; model: Classifier } | { task: 'multi-label'; model: MultiLabelModel })

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
    const { task, recipe, pooling, mix, labels, segments } = details
    const form = JSON.stringify([task, recipe, pooling, mix, labels.length, details.form, segments, paths])
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

  /** An adapter's parameters in a store of their own, bound to the program of its form. */
  const prepared = async (adapter: Adapter, attach: AttachOptions): Promise<ClassifierParts & { dispose(): Promise<void> }> => {
    const { tokenizer } = await checkAdapter(base, adapter, attach)
    const program = await programFor(adapter)
    const store = await fillStore(executor, adapter.parameters, 'adapter')
    const shared = { program, stores: { adapter: store } }
    return { config, tokenizer, details: adapter.details, executor, params, owns: false, shared, dispose: () => store.dispose() }
  }
  /** A model that saves the backbone with the adapter in it, and the thresholds it has then. */
  const savedWith = <M extends Classifier | MultiLabelModel>(adapter: Adapter, attach: AttachOptions, model: M): M => {
    const details = (): ClassifierDetails => ({ ...adapter.details, ...(model.thresholds ? { thresholds: model.thresholds } : {}) })
    const save = async (folder: string) => saveBackbone(folder, await withAdapter(base, { ...adapter, details: details() }, attach))
    return Object.assign(model, { save })
  }
  const memberOf = (name: string): Member => {
    const member = members.get(name)
    if (!member) throw new Error(`adapter ${JSON.stringify(name)}: there is none of that name; there are ${[...members.keys()].join(', ') || 'none'}`)
    return member
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
        throw new Error(`${adapter.source}: it gives a text several labels, and add takes an adapter that gives one; use addMultiLabel`)
      const { dispose, ...shared } = await prepared(adapter, attach)
      const model = savedWith(adapter, attach, await createClassifier(shared))
      await remove(name)
      members.set(name, { task: 'classification', model, dispose })
      return model
    },
    async addMultiLabel(name, adapter, attach = {}) {
      if (adapter.details.task === 'classification')
        throw new Error(`${adapter.source}: it gives each text one label, and addMultiLabel takes an adapter that gives several; use add`)
      const { dispose, ...shared } = await prepared(adapter, attach)
      const model = savedWith(adapter, attach, await createMultiLabelModel(shared))
      await remove(name)
      members.set(name, { task: 'multi-label', model, dispose })
      return model
    },
    classifier(name) {
      const { task, model } = memberOf(name)
      if (task === 'multi-label') throw new Error(`adapter ${JSON.stringify(name)}: it gives a text several labels; ask for multiLabel(name)`)
      return model
    },
    multiLabel(name) {
      const { task, model } = memberOf(name)
      if (task === 'classification') throw new Error(`adapter ${JSON.stringify(name)}: it gives each text one label; ask for classifier(name)`)
      return model
    },
    remove,
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}
