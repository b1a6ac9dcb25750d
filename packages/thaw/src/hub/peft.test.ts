// PEFT's layout: names and shapes as PEFT has them, and back to the same updates of our weights. That Python's peft loads it is measured by
// the benchmark peft-parity.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TransformerConfig } from '../models/config.js'
import { plusLowRank } from '../nn/low-rank.js'
import { inFolder, tinyBert, tinyGpt, tinyTutorial } from '../testing/checkpoints.js'
import { type LowRankUpdate, readPeft, writePeft } from './peft.js'
import { readSafetensors } from './safetensors.js'

const numbers = (length: number, first: number) => Float32Array.from({ length }, (_, i) => ((first + i) % 7) - 3)
const update = (inputs: number, outputs: number, rank: number, first = 1): LowRankUpdate => ({
  a: numbers(inputs * rank, first),
  b: numbers(rank * outputs, first + 3),
  rank,
  alpha: 2 * rank,
})
const product = ({ a, b, rank, alpha }: LowRankUpdate) => plusLowRank(new Float32Array((a.length * b.length) / rank ** 2), a, b, rank, alpha / rank)

async function tensorsOf(folder: string) {
  await using file = await readSafetensors(join(folder, 'adapter_model.safetensors'))
  const tensors = new Map<string, { shape: number[]; values: number[] }>()
  for (const [name, { shape }] of file.entries) tensors.set(name, { shape, values: [...((await file.read(name)) as Float32Array)] })
  return { tensors, config: JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8')) as Record<string, unknown> }
}

async function sameAfter(folder: string, config: TransformerConfig, updates: ReadonlyMap<string, LowRankUpdate>) {
  const { updates: again } = await readPeft(folder, config)
  for (const [path, wanted] of updates) {
    const [found, expected] = [product(again.get(path)!), product(wanted)]
    expected.forEach((value, i) => {
      assert.ok(Math.abs(found[i]! - value) < 1e-5, `${path}[${i}]: ${found[i]}, expected ${value}`)
    })
  }
  for (const [path, extra] of again)
    if (!updates.has(path))
      assert.ok(
        product(extra).every((value) => value === 0),
        `${path} has an update of its own`,
      )
}

test('BERT: torch names, A [rank, in], B [out, rank]', () =>
  inFolder(async (folder) => {
    const updates = new Map([
      ['layers.0.attention.query.weight', update(4, 4, 2)],
      ['layers.1.feedforward.up.weight', update(4, 6, 2, 5)],
    ])
    await writePeft(folder, tinyBert, updates, { name: 'some/base', revision: 'v2' })
    const { tensors, config } = await tensorsOf(folder)
    assert.equal(config.revision, 'v2')
    const module = 'base_model.model.encoder.layer.0.attention.self.query'
    assert.deepEqual(tensors.get(`${module}.lora_A.weight`)!.shape, [2, 4])
    const { a } = updates.get('layers.0.attention.query.weight')!
    assert.deepEqual(
      tensors.get(`${module}.lora_A.weight`)!.values.slice(0, 4),
      [0, 2, 4, 6].map((i) => a[i]),
    )
    assert.deepEqual(tensors.get('base_model.model.encoder.layer.1.intermediate.dense.lora_B.weight')!.shape, [6, 2])
    assert.deepEqual(
      [config.peft_type, config.r, config.lora_alpha, config.base_model_name_or_path, config.fan_in_fan_out, config.target_modules],
      ['LORA', 2, 4, 'some/base', false, ['encoder.layer.0.attention.self.query', 'encoder.layer.1.intermediate.dense']],
    )
    await sameAfter(folder, tinyBert, updates)
  }))

test('GPT-2: query and value become one update of c_attn, of twice the rank and with zeros for the keys', () =>
  inFolder(async (folder) => {
    const updates = new Map([
      ['layers.1.attention.query.weight', update(4, 4, 2)],
      ['layers.1.attention.value.weight', update(4, 4, 2, 4)],
      ['layers.1.feedforward.down.weight', update(6, 4, 2, 2)],
    ])
    await writePeft(folder, tinyGpt, updates)
    const { tensors, config } = await tensorsOf(folder)
    assert.deepEqual(tensors.get('base_model.model.h.1.attn.c_attn.lora_A.weight')!.shape, [4, 4])
    const { shape, values } = tensors.get('base_model.model.h.1.attn.c_attn.lora_B.weight')!
    assert.deepEqual(shape, [12, 4])
    assert.ok(values.slice(16, 32).every((value) => value === 0))
    assert.deepEqual(
      [config.r, config.lora_alpha, config.rank_pattern, config.alpha_pattern],
      [4, 8, { 'h.1.mlp.c_proj': 2 }, { 'h.1.mlp.c_proj': 4 }],
    )
    assert.equal(config.fan_in_fan_out, true)
    await sameAfter(folder, tinyGpt, updates)
  }))

test('what PEFT has and A·B is not, and what belongs to another model, is refused', () =>
  inFolder(async (folder) => {
    await assert.rejects(
      writePeft(folder, tinyBert, new Map([['embeddings.token.weight', update(11, 4, 2)]])),
      /embeddings\.token\.weight: transformers has no linear layer/,
    )
    await assert.rejects(writePeft(folder, tinyTutorial, new Map([['layers.0.attention.query.weight', update(4, 4, 2)]])), /no linear layer for it/)
    await writePeft(folder, tinyBert, new Map([['layers.1.attention.query.weight', update(4, 4, 2)]]))
    await assert.rejects(
      readPeft(folder, { ...tinyBert, layers: 1 }),
      /encoder\.layer\.1\.attention\.self\.query is no module of this model \(1 layers × 4\)/,
    )
    const file = join(folder, 'adapter_config.json')
    const config = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
    await writeFile(file, JSON.stringify({ ...config, use_dora: true }))
    await assert.rejects(readPeft(folder, tinyBert), /use_dora is true/)
    await writeFile(file, JSON.stringify({ ...config, use_rslora: true }))
    const { updates } = await readPeft(folder, tinyBert)
    assert.ok(Math.abs(updates.get('layers.1.attention.query.weight')!.alpha / 2 - 4 / Math.sqrt(2)) < 1e-6)
  }))
