// The random masks of a run (dropout): slices of pools of keep-or-drop values. A pool's content is a function of the seed and the rate, the
// place of a slice one of (seed, site, step, microstep) (DESIGN E11), so that a mask is the same whichever way it reaches the runtime.

import { dimFromPlain, evaluateDim } from '../graph/dim.js'
import { poolOffsets } from '../graph/ops/dropout.js'
import type { MaskPort } from '../onnx/lower.js'
import type { StoreMemory } from './memory.js'
import { maskOffset } from './random.js'
import type { RuntimeTensor } from './runtime.js'
import type { Cell } from './store.js'
import type { Kernels } from './update/kernels.js'

export interface MaskMoment {
  seed: number
  step: number
  microstep: number
}

export class MaskPools {
  private readonly pools = new Map<string, Cell>()

  constructor(
    private readonly memory: StoreMemory,
    private readonly kernels: Kernels,
    /** The runtime copies its inputs: give it the slices that a run reads, one after the other, and not whole pools of 16 MB. */
    private readonly packed: boolean,
  ) {}

  /** What a program's masks feed to the graph: each pool, and the offset of each site in its pool. */
  inputs(masks: readonly MaskPort[], sizes: ReadonlyMap<string, number>, { seed, step, microstep }: MaskMoment): Record<string, RuntimeTensor> {
    const inputs: Record<string, RuntimeTensor> = {}
    const slices = new Map<string, Float32Array[]>()
    const sized = masks.map((mask) => ({ mask, size: evaluateDim(dimFromPlain(mask.size), sizes) }))
    // first make room for all: a pool that grows moves
    for (const { mask, size } of sized) this.pool(seed, mask.rate, size)
    for (const { mask, size } of sized) {
      const { pointer, length } = this.pool(seed, mask.rate, size)
      const pool = this.memory.float32(pointer, length)
      const offset = maskOffset(seed, mask.site, step, microstep)
      const before = slices.get(mask.pool) ?? []
      slices.set(mask.pool, before)
      const start = this.packed ? before.reduce((sum, slice) => sum + slice.length, 0) : offset
      if (this.packed) before.push(pool.subarray(offset, offset + size))
      else inputs[mask.pool] = { dtype: 'f32', shape: [length], data: pool }
      inputs[mask.offset] = { dtype: 'i64', shape: [1], data: BigInt64Array.of(BigInt(start)) }
    }
    if (this.packed)
      for (const [name, parts] of slices) {
        const data = joined(parts)
        inputs[name] = { dtype: 'f32', shape: [data.length], data }
      }
    return inputs
  }

  /** A pool long enough for a mask of `size`. */
  private pool(seed: number, rate: number, size: number): Cell {
    const key = `${seed}/${rate}`
    const known = this.pools.get(key)
    const length = poolOffsets + size
    if (known && known.length >= length) return known
    if (known) this.memory.release(known.pointer)
    const capacity = Math.max(length, known ? Math.ceil(known.length * 1.25) : 0)
    const cell: Cell = { dtype: 'f32', shape: [capacity], pointer: this.memory.allocate(capacity * 4), length: capacity }
    this.kernels.keepMask(cell.pointer, capacity, { low: seed >>> 0, high: 0 }, rate)
    this.pools.set(key, cell)
    return cell
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
