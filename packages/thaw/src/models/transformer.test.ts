// Every form of the Transformer against PyTorch: hidden states, loss and gradients stored in fixtures/transformers.json.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, describe as suite, test } from 'node:test'
import { createExecutor, dim, grad, input, ops } from '@thaw/tensor'
import { Scope } from '../nn/scope.js'
import type { TransformerConfig } from './config.js'
import { parameterShapes } from './shapes.js'
import { transformer } from './transformer.js'

interface Summary {
  sum: number
  norm: number
  first: number[]
}
interface Fixture {
  batch: number
  time: number
  ids: number[]
  targets: number[]
  visible: number[]
  pairs: { position: number; target: number }[]
  parameters: Record<string, { shape: number[]; data: number[] }>
  variants: {
    name: string
    config: TransformerConfig
    parameters: string[]
    hidden: number[]
    loss: number
    gradients: Record<string, Summary>
    fullGradients?: Record<string, number[]>
  }[]
}
const fixture = JSON.parse(readFileSync(new URL('../../fixtures/transformers.json', import.meta.url), 'utf8')) as Fixture

const near = (actual: number, expected: number, what: string, tolerance = 3e-5) =>
  assert.ok(Math.abs(actual - expected) <= tolerance * (1 + Math.abs(expected)), `${what}: got ${actual}, PyTorch has ${expected}`)

suite('transformers against PyTorch', async () => {
  const executor = await createExecutor({ threads: 1, worker: false })
  after(() => executor[Symbol.asyncDispose]())
  for (const variant of fixture.variants) {
    test(variant.name, async () => {
      const config = { ...variant.config, pooler: false, dropout: 0 }
      const { batch, time } = fixture
      const scope = new Scope()
      const ids = input('ids', [dim('batch'), dim('time')], 'i32')
      const targets = config.causal ? input('targets', [dim('batch'), dim('time')], 'i32') : input('targets', [dim('rows')], 'i32')
      const visible = config.causal ? undefined : input('visible', [dim('batch'), dim('time')], 'bool')
      const positions = config.causal ? undefined : input('chosen', [dim('rows')], 'i32')
      const { hidden } = transformer(scope, config, { ids, ...(visible ? { visible } : {}) })
      const table = scope.parameter('embeddings.token.weight', [config.vocabulary, config.hidden])
      const rows = positions ? ops.gather(hidden, positions) : hidden
      const { loss } = ops.linearCrossEntropy(rows, table, ops.reshape(targets, [-1]))
      assert.deepEqual(new Map([...scope.parameters].map(([path, x]) => [path, x.shape])), new Map([...parameterShapes(config)]))
      const parameters = [...scope.parameters]
      const gradients = Object.fromEntries(
        grad(
          loss,
          parameters.map(([, x]) => x),
        ).map((g, i) => [`g:${parameters[i]![0]}`, g.tensor]),
      )
      const executable = await executor.compile({ outputs: { hidden, loss, ...gradients } })
      const store = await executor.store('params')
      await store.declare(parameters.map(([, x]) => x))
      for (const [path] of parameters) await store.write(path, fixture.parameters[path]!.data)
      const goals = config.causal ? fixture.targets : fixture.pairs.map((pair) => pair.target)
      const { outputs } = await executable.bind({ params: store }).run({
        feeds: {
          ids: { data: Int32Array.from(fixture.ids.flat()), shape: [batch, time] },
          targets: { data: Int32Array.from(goals.flat()), shape: config.causal ? [batch, time] : [goals.flat().length] },
          ...(visible
            ? { visible: { data: Uint8Array.from((fixture.visible as unknown as number[][]).flat().map(Number)), shape: [batch, time] } }
            : {}),
          ...(positions ? { chosen: { data: Int32Array.from(fixture.pairs.map((pair) => pair.position)), shape: [fixture.pairs.length] } } : {}),
        },
      })
      variant.hidden.flat(3).forEach((value, i) => {
        // padded rows are nobody's business
        if (!visible || (fixture.visible as unknown as number[][]).flat()[Math.floor(i / config.hidden)])
          near(Number(outputs.hidden!.data[i]), value, `hidden[${i}]`)
      })
      near(Number(outputs.loss!.data[0]), variant.loss, 'loss')
      for (const [path, { sum, norm, first }] of Object.entries(variant.gradients)) {
        const values = Array.from(outputs[`g:${path}`]!.data as Float32Array)
        near(
          values.reduce((a, b) => a + b, 0),
          sum,
          `sum of ${path}`,
          1e-4,
        )
        near(Math.hypot(...values), norm, `norm of ${path}`)
        first.forEach((value, i) => {
          near(values[i]!, value, `${path}[${i}]`)
        })
      }
      await executable.dispose()
      await store.dispose()
    })
  }
})
