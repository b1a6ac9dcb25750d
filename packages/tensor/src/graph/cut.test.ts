import assert from 'node:assert/strict'
import { test } from 'node:test'
import { languageModel } from '../testing/block.js'
import { numbers } from '../testing/derivatives.js'
import { testExecutor } from '../testing/run.js'
import { cut } from './cut.js'
import { dim } from './dim.js'
import * as ops from './ops/index.js'
import { substitute } from './substitute.js'
import { constant, GraphError, input, type Tensor } from './tensor.js'
import { nodesOf } from './walk.js'

test('a cached prefix and a suffix give what the whole graph gives', async () => {
  const sites = new Map<string, Tensor>()
  const { logits, parameters } = languageModel({ layers: 3, hidden: 8, heads: 2, inner: 16, vocabulary: 11, positions: 5 }, (h, f, layer) => {
    const y = f(h)
    sites.set(`layers.${layer}`, y)
    return y
  })
  const { prefix, suffix, dependencies } = cut({ logits }, { 'layers.1': sites.get('layers.1')! }, { 'layers.1': [dim('batch'), dim('time'), 8] })
  assert.ok(dependencies.includes('params:layers.1.attention.query.weight') && dependencies.includes('ids'))
  assert.ok(!dependencies.some((name) => name.includes('layers.2')))
  const above = nodesOf(Object.values(suffix))
    .filter(({ operation }) => operation.name === 'state')
    .map(({ attributes }) => attributes.path as string)
  assert.ok(above.includes('layers.2.attention.query.weight') && !above.some((path) => path.startsWith('layers.0') || path.startsWith('layers.1')))

  const executor = await testExecutor()
  const params = await executor.store('params')
  for (const [i, [path, x]] of [...parameters].entries()) {
    await params.declare([x])
    await params.write(
      path,
      numbers(
        (x.shape as number[]).reduce((a, b) => a * b, 1),
        i,
      ),
    )
  }
  const [whole, lower, upper] = [
    await executor.compile({ outputs: { logits } }),
    await executor.compile({ outputs: prefix }),
    await executor.compile({ outputs: suffix }),
  ]
  const ids = { data: Int32Array.from([1, 2, 3, 10, 0, 4]), shape: [2, 3] }
  const expected = (await whole.bind({ params }).run({ feeds: { ids } })).outputs.logits!
  const kept = (await lower.bind({ params }).run({ feeds: { ids } })).outputs['layers.1']!
  assert.deepEqual(kept.shape, [2, 3, 8])
  assert.deepEqual((await upper.bind({ params }).run({ feeds: { 'layers.1': kept } })).outputs.logits, expected)
  for (const x of [whole, lower, upper, params]) await x.dispose()
})

test('replacing a tensor rebuilds only what stands on it', () => {
  const [a, b] = [input('a', [2]), input('b', [2])]
  const [left, right] = [ops.exp(a), ops.exp(b)]
  const [sum, alone] = substitute([ops.add(left, right), right], new Map([[a, constant([1, 2])]]))
  assert.equal(alone, right)
  assert.equal(sum!.node.inputs[1], right)
  assert.notEqual(sum!.node.inputs[0], left)
  assert.deepEqual(cut({ y: ops.mul(left, right) }, { left }).dependencies, ['a'])
})

test('a site that nothing above depends on is an error', () => {
  const [a, b] = [input('a', [2]), input('b', [2])]
  assert.throws(() => cut({ y: ops.exp(a) }, { elsewhere: ops.exp(b) }), new GraphError('cut: nothing above depends on elsewhere; the outputs are y'))
})
