// Low-rank adapters between Thaw and Python's `peft`: an adapter trained here, read by peft, gives the same hidden states as here, in the graph and merged into
// the weights; and one that peft saved is read here. For a BERT-shaped model (the published encoder of THAW_MODELS) and a GPT-2-shaped one (random).

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createExecutor, input } from '@thaw/tensor'
import {
  adapt,
  adapterOf,
  adapterSize,
  type Backbone,
  classification,
  configOf,
  load,
  lora,
  mergeAdapters,
  parameterShapes,
  random,
  readTrec,
  recipe,
  Scope,
  saveBackbone,
  savePeft,
  subset,
  transformer,
  withPeft,
} from 'thaw'
import type { BenchOptions } from './benchmark.js'
import { dataFolder, modelsFolder } from './data.js'
import { startPeer } from './peer.js'
import type { Row } from './row.js'

export const about = 'LoRA adapters read by Python’s peft and the other way round: the largest difference of hidden states'

/** In the README's table. */
export const headline = ({ config: { name, direction } }: Row): string | undefined =>
  direction === 'written here, read by peft' ? `LoRA on ${String(name)}, ${direction}: largest difference of hidden states` : undefined

const time = 12

/** Some ids, the same for both sides. */
function idsFor(vocabulary: number): number[][] {
  const { integer } = random(3)
  return Array.from({ length: 4 }, () => Array.from({ length: time }, () => integer(vocabulary)))
}

/** The last hidden states of a plain backbone. */
async function hiddenStates({ config, parameters }: Backbone, ids: readonly number[][]): Promise<Float32Array> {
  const scope = new Scope()
  const { hidden } = transformer(scope, config, { ids: input('ids', [ids.length, time], 'i32') })
  await using executor = await createExecutor()
  const params = await executor.store('params')
  await params.declare([...scope.parameters.values()])
  for (const path of scope.parameters.keys()) await params.write(path, parameters.get(path)!.data)
  const program = await executor.compile({ outputs: { hidden } }, { inference: true })
  const { outputs } = await program.bind({ params }).run({ feeds: { ids: { data: Int32Array.from(ids.flat()), shape: [ids.length, time] } } })
  return outputs.hidden!.data as Float32Array
}

const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) throw new Error(`peft-parity: ${a.length} values beside ${b.length}`)
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
}

/** A GPT-2-shaped model with random weights and the tokenizer of another. */
function randomGpt2({ tokenizer, config: { vocabulary } }: Backbone): Backbone {
  const config = configOf('nano', { vocabulary })
  const { normal } = random(5)
  const parameters = new Map(
    [...parameterShapes(config)].map(([path, shape]) => {
      const around = path.endsWith('norm.weight') ? 1 : 0
      return [path, { shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => around + 0.1 * normal()) }]
    }),
  )
  return { source: 'random GPT-2', config, tokenizer, parameters, details: { model: config } }
}

export async function run({ quick, log }: BenchOptions): Promise<Row[]> {
  const encoder = await load(`${modelsFolder()}/all-MiniLM-L6-v2`)
  const { train, labels } = await readTrec(`${dataFolder()}/trec`)
  const examples = subset(train, quick ? 32 : 320, 1)
  const root = await mkdtemp(join(tmpdir(), 'thaw-peft-'))
  await using peer = startPeer('peft_parity.py')
  const rows: Row[] = []
  try {
    for (const [name, base, targets] of [
      ['BERT', encoder, ['query', 'output.dense']],
      ['GPT-2', randomGpt2(encoder), ['c_attn', 'c_fc']],
    ] as const)
      rows.push(...(await compare(name, base, targets)))
  } finally {
    await rm(root, { recursive: true, force: true })
  }
  return rows

  async function compare(name: string, base: Backbone, targets: readonly string[]): Promise<Row[]> {
    const folder = join(root, name)
    await saveBackbone(join(folder, 'base'), base)
    const made = recipe(lora({ rank: 8, targets: ['layers.*.attention.{query,value}.weight', 'layers.*.feedforward.down.weight'] }))
    const { model } = await adapt(base, classification({ labels }), {
      ...{ train: examples, valid: examples.slice(0, 32), recipe: made, epochs: 1, batch: 16, rate: 3e-3, pooling: 'mean' },
    })
    await model.save(join(folder, 'classifier'))
    await model.dispose()
    const classifier = await load(join(folder, 'classifier'))
    const adapter = await adapterOf(classifier)
    await savePeft(join(folder, 'adapter'), adapter)
    const ids = idsFor(base.config.vocabulary)
    const merged = await hiddenStates(mergeAdapters(classifier), ids)
    const plain = await hiddenStates(base, ids)
    const theirs = await peer.ask<{ hidden: number[]; parameters: number }>({ model: join(folder, 'base'), adapter: join(folder, 'adapter'), ids })
    // an adapter that changes nothing would agree too
    const change = difference(merged, plain)
    const ours = difference(merged, theirs.hidden)
    log(
      `${name}: written here, read by peft (${theirs.parameters} parameters): ${ours.toExponential(1)}, where the adapter changes up to ${change.toFixed(2)}`,
    )

    await peer.ask({ model: join(folder, 'base'), make: join(folder, 'theirs'), targets })
    const read = await hiddenStates(await withPeft(base, join(folder, 'theirs')), ids)
    const reading = await peer.ask<{ hidden: number[] }>({ model: join(folder, 'base'), adapter: join(folder, 'theirs'), ids })
    const back = difference(read, reading.hidden)
    log(`${name}: written by peft, read here: ${back.toExponential(1)}`)
    if (!(ours < 1e-3 && back < 1e-3 && change > 10 * ours))
      throw new Error(`peft-parity: ${name} differs by ${ours} and ${back}, of a change of ${change}`)
    const row = (direction: string, value: number): Row => ({
      ...{
        bench: 'peft-parity',
        config: { name, direction, change, adapter_parameters: adapterSize(adapter) },
        metric: 'largest_difference',
        unit: '',
      },
      ours: value,
      peerName: 'peft 0.21.2',
    })
    return [row('written here, read by peft', ours), row('written by peft, read here', back)]
  }
}
