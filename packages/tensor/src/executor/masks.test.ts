import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MaskPools } from './masks.js'
import { createMemory } from './memory.js'
import { maskOffset } from './random.js'
import { createKernels } from './update/kernels.js'

const sites = [
  { site: 'a', rate: 0.1, pool: 'pool:0.1', offset: 'offset:a', size: 5 },
  { site: 'b', rate: 0.5, pool: 'pool:0.5', offset: 'offset:b', size: 7 },
  { site: 'c', rate: 0.1, pool: 'pool:0.1', offset: 'offset:c', size: 300_000 },
]

/** A site's mask, as the graph cuts it out. */
function maskOf(inputs: ReturnType<MaskPools['inputs']>, { pool, offset, size }: (typeof sites)[number]): number[] {
  const start = Number(inputs[offset]!.data[0])
  return Array.from(inputs[pool]!.data.subarray(start, start + size) as Float32Array)
}

const pools = (packed: boolean) => {
  const memory = createMemory(2 ** 27)
  return new MaskPools(memory, createKernels(memory.memory), packed)
}

test('masks are the same as slices of whole pools and packed one after the other, also while pools grow', () => {
  const [whole, packed] = [pools(false), pools(true)]
  for (const [step, masks] of [sites.slice(0, 1), sites, sites].entries()) {
    const moment = { seed: 3, step, microstep: 0 }
    const [a, b] = [whole.inputs(masks, new Map(), moment), packed.inputs(masks, new Map(), moment)]
    for (const mask of masks) assert.deepEqual(maskOf(a, mask), maskOf(b, mask), `${mask.site} at step ${step}`)
    assert.equal(Number(a['offset:a']!.data[0]), maskOffset(3, 'a', step, 0))
    assert.equal(b['pool:0.1']!.data.length, step === 0 ? 5 : 300_005)
  }
})

test('a mask drops at its rate and differs from step to step', () => {
  const masks = pools(true)
  const [first, second] = [0, 1].map((step) => maskOf(masks.inputs(sites.slice(2), new Map(), { seed: 3, step, microstep: 0 }), sites[2]!))
  const dropped = first!.filter((x) => x === 0).length / first!.length
  assert.ok(Math.abs(dropped - 0.1) < 0.003, `dropped ${dropped}`)
  assert.ok(first!.every((x) => x === 0 || Math.abs(x - 1 / 0.9) < 1e-6))
  assert.notDeepEqual(first, second)
})
