// One AdamW step with clipping by global norm over the 22.7 M parameters of a MiniLM-shaped encoder: the SIMD kernels on one thread against
// PyTorch's default and fused AdamW with clip_grad_norm_ on two, alternating. Goal: at most 1.0 of the time of the default.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createMemory, roundUp } from '../../packages/tensor/dist/executor/memory.js'
import { createKernels } from '../../packages/tensor/dist/executor/update/kernels.js'
import { peerPython } from './peer.js'
import type { Row } from './row.js'

export const about = 'one AdamW step with clipping over 22.7 M parameters: SIMD kernels on one thread against PyTorch’s default and fused AdamW'

/** In the README's table. */
export const headline = ({ config }: Row): string => `AdamW with clipping on ${Number(config.parameters).toLocaleString('en-US')} parameters`

const peers = ['default', 'fused'] as const

/** 30,522 × 384 embeddings, 512 positions, 2 segments, six layers of 384 / 1,536, pooler: 22,713,216 parameters. */
function shapes(): number[][] {
  const [hidden, inner] = [384, 1536]
  const norm = [[hidden], [hidden]]
  const square = [[hidden, hidden], [hidden]]
  const layer = [...square, ...square, ...square, ...square, ...norm, [hidden, inner], [inner], [inner, hidden], [hidden], ...norm]
  return [[30_522, hidden], [512, hidden], [2, hidden], ...norm, ...Array.from({ length: 6 }, () => layer).flat(), ...square]
}

/** Our side: returns a function that runs one step and says how many milliseconds it took. */
function ours(sizes: number[]): () => number {
  const memory = createMemory(sizes.reduce((sum, size) => sum + 4 * roundUp(size * 4), 0))
  const kernels = createKernels(memory.memory)
  const parts = sizes.map((length, index) => {
    const [param, pointer, m, v] = Array.from({ length: 4 }, () => memory.allocate(length * 4)) as [number, number, number, number]
    kernels.normal(param, length, { low: index, high: 0 }, 0.02)
    kernels.normal(pointer, length, { low: index, high: 1 }, 1)
    kernels.fill(m, length, 0)
    kernels.fill(v, length, 0)
    return { param, pointer, m, v, length }
  })
  let t = 0
  return () => {
    const start = performance.now()
    t++
    const gradScale = Math.min(1, 1 / (kernels.globalNorm(parts) + 1e-6))
    const corrections = { correction1: 1 - 0.9 ** t, correction2: 1 - 0.999 ** t }
    const options = { rate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, gradScale, ...corrections }
    for (const { param, pointer, m, v, length } of parts) kernels.adam(param, pointer, m, v, length, options)
    return performance.now() - start
  }
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

/** Rows in milliseconds a step, one for each form of PyTorch's AdamW; ratio = peer / ours, above 1 where ours is faster. */
export async function run({ quick }: { quick: boolean }): Promise<Row[]> {
  const all = shapes()
  const sizes = all.map((shape) => shape.reduce((product, size) => product * size, 1))
  const script = fileURLToPath(new URL('../peers/optimizer_step.py', import.meta.url))
  const child = spawn(peerPython(), [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code) =>
      reject(new Error(`optimizer-step: ${peerPython()} ${script} ended with ${code}; set THAW_PYTHON to a Python with torch`)),
    )
  })
  failed.catch(() => {})
  try {
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const ask = async (form: string): Promise<number> => {
      child.stdin.write(`${form}\n`)
      const { value } = await Promise.race([answers.next(), failed])
      return (JSON.parse(value as string) as { milliseconds: number }).milliseconds
    }
    child.stdin.write(`${JSON.stringify(all)}\n`)
    const step = ours(sizes)
    const mine: number[] = []
    const theirs: Record<string, number[]> = { default: [], fused: [] }
    const [warm, rounds] = [3, quick ? 5 : 15]
    for (let round = 0; round < warm + rounds; round++) {
      const time = step()
      if (round >= warm) mine.push(time)
      for (const peer of peers) {
        const time = await ask(peer)
        if (round >= warm) theirs[peer]!.push(time)
      }
    }
    const parameters = sizes.reduce((sum, size) => sum + size, 0)
    return peers.map((peer) => {
      const [milliseconds, other] = [median(mine), median(theirs[peer]!)]
      const config = { name: peer, parameters, threads: 1, peerThreads: 2, alternations: rounds }
      const peerName = `PyTorch AdamW${peer === 'fused' ? ' (fused)' : ''} + clip_grad_norm_`
      return {
        bench: 'optimizer-step',
        config,
        metric: 'milliseconds',
        unit: 'ms',
        ours: milliseconds,
        peer: other,
        peerName,
        ratio: other / milliseconds,
      }
    })
  } finally {
    child.removeAllListeners('exit')
    child.stdin.end()
  }
}
