// Small random models and scratch folders for the tests of `hub/`.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Parameter } from '../hub/names.js'
import type { TransformerConfig } from '../models/config.js'
import { parameterShapes } from '../models/shapes.js'

const sizes = { vocabulary: 11, hidden: 4, layers: 2, heads: 2, inner: 6, positions: 5, positionKind: 'learned', dropout: 0.1 } as const

export const tinyGpt: TransformerConfig = {
  ...sizes,
  block: 'pre',
  causal: true,
  activation: 'gelu-tanh',
  normEpsilon: 1e-5,
  segments: 0,
  pooler: false,
}
export const tinyBert: TransformerConfig = {
  ...sizes,
  block: 'post',
  causal: false,
  activation: 'gelu',
  normEpsilon: 1e-12,
  segments: 2,
  pooler: true,
}
export const tinyTutorial: TransformerConfig = { ...tinyGpt, block: 'tutorial', positionKind: 'sinusoidal', activation: 'relu' }

/** Values without meaning, all different, exact in F32. */
export function tinyParameters(config: TransformerConfig, heads: Record<string, number[]> = {}, first = 0): Parameter[] {
  let next = first
  return [...parameterShapes(config), ...Object.entries(heads)].map(([path, shape]) => {
    const length = shape.reduce((product, size) => product * size, 1)
    return { path, shape, data: Float32Array.from({ length }, () => next++ / 8) }
  })
}

/** Runs `use` with an empty folder that is removed afterwards. */
export async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'thaw-'))
  try {
    await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
