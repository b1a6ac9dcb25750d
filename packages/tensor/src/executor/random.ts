// Where a dropout mask starts in its pool: a function of (seed, site, step, microstep) and of nothing else (DESIGN E11).

import { poolOffsets } from '../graph/ops/dropout.js'

/** One round of a 32-bit mixing function (the finaliser of MurmurHash3; Appleby, public domain). */
function mix(hash: number, value: number): number {
  let h = Math.imul(hash ^ value, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** The first element of a site's mask in its pool. */
export function maskOffset(seed: number, site: string, step: number, microstep: number): number {
  let hash = mix(0x9e3779b9, seed >>> 0)
  for (let i = 0; i < site.length; i++) hash = mix(hash, site.charCodeAt(i))
  return mix(mix(hash, step), microstep) % poolOffsets
}
