// One side of `masked-step`: whole training steps of an objective (batch, masking, forward, backward, AdamW) over random tokens, as `pretrain` does them.
// Arguments: objective, configuration. A line {"steps": n} on stdin, a line {"milliseconds": [...], "peakBytes", "places"} on stdout.

import { createInterface } from 'node:readline'
import { adamw, createExecutor, trainingStep } from '@thaw/tensor'
import { configOf, objectiveKinds, pretrainSettings, random, Scope, type TokenCache, tokenizerFromJSON } from 'thaw'
import { peakMemory } from '../peer.js'
import { configurations } from './configurations.js'

const [name, size] = process.argv.slice(2) as [keyof typeof objectiveKinds, string]
const { batch, time, ...shape } = configurations[size]!

const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
const token = (id: number) => specials[id] ?? `t${id}`
const tokenizer = tokenizerFromJSON({
  version: '1.0',
  added_tokens: specials.map((content, id) => ({ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false })),
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: { type: 'WordLevel', unk_token: '[UNK]', vocab: Object.fromEntries(Array.from({ length: shape.vocabulary }, (_, id) => [token(id), id])) },
} as unknown as Parameters<typeof tokenizerFromJSON>[0])

const { integer } = random(1)
const tokens = 64 * batch * time
const text = Int32Array.from({ length: tokens }, () => specials.length + integer(shape.vocabulary - specials.length))
const cache = { tokens, read: async (offset: number, length: number) => text.subarray(offset, offset + length) } as unknown as TokenCache

const settings = pretrainSettings({ text: ['-'], objective: name, size: 'nano', batch, time, config: { positions: time } })
const kind = objectiveKinds[name]
const config = configOf('nano', { ...kind.config(settings), ...shape, positions: time })
const objective = await kind.create({ settings, config, tokenizer })
const scope = new Scope({ training: true })
const { loss } = objective.graph(scope)
const { step, states } = trainingStep({ loss, parameters: [...scope.parameters.values()], optimizer: adamw() })
const executor = await createExecutor({ threads: 2 })
const stores = { params: await executor.store('params'), gradients: await executor.store('gradients'), optimizer: await executor.store('optimizer') }
for (const [namespace, held] of Object.entries(states)) await stores[namespace as keyof typeof stores].declare(held)
for (const [path, parameter] of scope.parameters)
  await stores.params.fill(path, parameter.rank > 1 ? { std: 0.02, seed: path.length } : { value: path.endsWith('norm.weight') ? 1 : 0 })
const bound = (await executor.compile(step, { shapes: [objective.sizes] })).bind(stores)
const source = await objective.batches(cache, { from: 0, to: tokens })

async function* batches() {
  for (let epoch = 0; ; epoch++) for await (const batch of source.epoch(epoch, 0)) yield batch
}
const stream = batches()
let done = 0
for await (const line of createInterface({ input: process.stdin })) {
  const { steps } = JSON.parse(line) as { steps: number }
  const milliseconds: number[] = []
  for (let i = 0; i < steps; i++) {
    const start = performance.now()
    const { value } = await stream.next()
    await bound.run({ feeds: value!.feeds({ step: done++, microstep: 0 }), scalars: { rate: 1e-4 } })
    milliseconds.push(performance.now() - start)
  }
  console.log(JSON.stringify({ milliseconds, peakBytes: peakMemory(), places: objective.sizes.places ?? batch * time }))
}
process.exit(0)
