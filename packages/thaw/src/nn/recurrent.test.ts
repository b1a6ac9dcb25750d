// LSTM and GRU against PyTorch (fixtures/recurrent.json), and what carries over windows and stays the same over steps.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, describe as suite, test } from 'node:test'
import { createExecutor, type Dim, dim, grad, input, lower, ops, sgd, type Tensor, trainingStep } from '@thaw/tensor'
import { gru } from './gru.js'
import { lstm } from './lstm.js'
import type { RecurrentState } from './recurrent.js'
import { Scope } from './scope.js'
import { carriedState, lockedDropout, stacked, weightDrop } from './stacked.js'

interface Stored {
  shape: number[]
  data: number[]
}
interface Fixture {
  name: string
  kind: 'lstm' | 'gru'
  inputs: number
  hidden: number
  layers: number
  bidirectional: boolean
  lengths: number[] | null
  x: Stored
  initial: Record<string, Stored>[] | null
  parameters: Record<string, Stored>
  output: Stored
  states: Record<string, Stored>[]
  outputWeights: Stored
  stateWeights: Record<string, Stored>[]
  gradients: Record<string, Stored>
}
const fixtures = JSON.parse(readFileSync(new URL('../../fixtures/recurrent.json', import.meta.url), 'utf8')) as Fixture[]
const layerOf = { lstm, gru }

const feed = ({ shape, data }: Stored) => ({ shape, data: Float32Array.from(data) })
function close(actual: ArrayLike<number | bigint>, expected: ArrayLike<number | bigint>, what: string, tolerance = 2e-5): void {
  assert.equal(actual.length, expected.length, `${what}: length`)
  for (let i = 0; i < expected.length; i++)
    assert.ok(
      Math.abs(Number(actual[i]) - Number(expected[i])) <= tolerance * (1 + Math.abs(Number(expected[i]))),
      `${what}[${i}]: got ${actual[i]}, expected ${expected[i]}`,
    )
}

suite('recurrent layers', async () => {
  const executor = await createExecutor({ threads: 1, worker: false })
  after(() => executor[Symbol.asyncDispose]())

  for (const fixture of fixtures)
    test(`${fixture.kind}, ${fixture.name}: PyTorch's values and gradients`, async () => {
      const [batch, time] = [dim('batch'), dim('time')]
      const scope = new Scope()
      const x = input('x', [batch, time, fixture.inputs])
      const feeds: Record<string, { shape: readonly number[]; data: Float32Array | Uint8Array }> = { x: feed(fixture.x) }
      const states = (prefix: string, stored: Record<string, Stored>[]): RecurrentState[] =>
        stored.map((entry, i) =>
          Object.fromEntries(
            Object.entries(entry).map(([name, value]) => {
              feeds[`${prefix}.${i}.${name}`] = feed(value)
              return [name, input(`${prefix}.${i}.${name}`, [batch, fixture.hidden])]
            }),
          ),
        )
      const initial = fixture.initial ? states('initial', fixture.initial) : undefined
      const visible = fixture.lengths ? input('visible', [batch, time], 'bool') : undefined
      if (fixture.lengths) {
        const [rows, steps] = fixture.x.shape as [number, number]
        feeds.visible = {
          shape: [rows, steps],
          data: Uint8Array.from({ length: rows * steps }, (_, i) => Number(i % steps < fixture.lengths![Math.floor(i / steps)]!)),
        }
      }
      const result = stacked(layerOf[fixture.kind], scope, 'rnn', x, {
        inputs: fixture.inputs,
        hidden: Array<number>(fixture.layers).fill(fixture.hidden),
        bidirectional: fixture.bidirectional,
        ...(visible ? { visible } : {}),
        ...(initial ? { initial } : {}),
      })
      feeds.outputWeights = feed(fixture.outputWeights)
      const stateWeights = states('stateWeights', fixture.stateWeights)
      const loss = result.states
        .flatMap((state, i) => Object.entries(state).map(([name, value]) => ops.sum(ops.mul(value, stateWeights[i]![name]!))))
        .reduce(ops.add, ops.sum(ops.mul(result.output, input('outputWeights', [batch, time, result.output.shape[2] as Dim]))))
      const wrt = new Map<string, Tensor>([...scope.parameters, ['x', x]])
      initial?.forEach((state, i) => {
        for (const [name, tensor] of Object.entries(state)) wrt.set(`initial.${i}.${name}`, tensor)
      })
      assert.deepEqual([...wrt.keys()].sort(), Object.keys(fixture.gradients).sort())
      const gradients = grad(loss, [...wrt.values()])
      const outputs: Record<string, Tensor> = { output: result.output }
      result.states.forEach((state, i) => {
        for (const [name, value] of Object.entries(state)) outputs[`state ${i}.${name}`] = value
      })
      for (const [i, name] of [...wrt.keys()].entries()) outputs[`gradient of ${name}`] = gradients[i]!.tensor
      const store = await executor.store('params')
      await store.declare([...scope.parameters.values()])
      for (const path of scope.parameters.keys()) await store.write(path, fixture.parameters[path]!.data)
      const executable = await executor.compile({ outputs })
      const values = (await executable.bind({ params: store }).run({ feeds })).outputs
      close(values.output!.data, fixture.output.data, 'output')
      fixture.states.forEach((state, i) => {
        for (const [name, value] of Object.entries(state)) close(values[`state ${i}.${name}`]!.data, value.data, `state ${i}.${name}`)
      })
      for (const [name, value] of Object.entries(fixture.gradients)) close(values[`gradient of ${name}`]!.data, value.data, `gradient of ${name}`)
      await executable.dispose()
      await store.dispose()
    })

  test('the graph of a training step does not grow with the steps', () => {
    const operations = (time: number) => {
      const scope = new Scope()
      const { output } = stacked(lstm, scope, 'rnn', input('x', [4, time, 3]), { inputs: 3, hidden: [5, 6], bidirectional: true })
      const loss = ops.sum(ops.square(output))
      const gradients = grad(loss, [...scope.parameters.values()])
      return lower({ loss, ...Object.fromEntries(gradients.map((g, i) => [`${i}`, g.tensor])) }).operations
    }
    assert.deepEqual(operations(3), operations(300))
    assert.equal(operations(3).Scan, 8)
  })

  /** A store with numbers for a scope's parameters. */
  const filled = async (scope: Scope) => {
    const store = await executor.store('params')
    await store.declare([...scope.parameters.values()])
    for (const [i, path] of [...scope.parameters.keys()].entries()) await store.fill(path, { std: 0.5, seed: i + 1 })
    return store
  }
  const numbers = (shape: readonly number[]) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i + 1)),
  })

  test('two windows with carried states are one long window', async () => {
    const [batch, time, inputs, hidden] = [2, 3, 4, 3]
    const forward = (scope: Scope, time: number, carried: ReturnType<typeof carriedState>[] = []) =>
      stacked(lstm, scope, 'rnn', input('x', [batch, time, inputs]), { inputs, hidden: [hidden, hidden], initial: carried.map((c) => c.initial) })
    const scope = new Scope()
    const long = forward(scope, 2 * time)
    const store = await filled(scope)
    const x = numbers([batch, 2 * time, inputs])
    const outputs = { output: long.output, h: long.states[1]!.h!, c: long.states[1]!.c! }
    const whole = await executor.compile({ outputs }, { constants: { params: store } })
    const expected = (await whole.bind({}).run({ feeds: { x } })).outputs

    const carried = [0, 1].map((n) => carriedState(`rnn.${n}`, ['h', 'c'], batch, hidden))
    const windowScope = new Scope({ training: true })
    const window = forward(windowScope, time, carried)
    const { step, states } = trainingStep({
      loss: ops.sum(ops.square(window.output)),
      outputs: { output: window.output },
      parameters: [...windowScope.parameters.values()],
      optimizer: sgd(),
      updates: carried.flatMap((c, n) => c.updates(window.states[n]!)),
    })
    const stores = {
      params: store,
      gradients: await executor.store('gradients'),
      optimizer: await executor.store('optimizer'),
      carry: await executor.store('carry'),
    }
    await stores.gradients.declare(states.gradients)
    await stores.optimizer.declare(states.optimizer)
    await stores.carry.declare(carried.flatMap((c) => Object.values(c.initial)))
    const executable = await executor.compile(step)
    const part = (from: number) => ({
      shape: [batch, time, inputs],
      data: Float32Array.from(
        { length: batch * time * inputs },
        (_, i) => x.data[Math.floor(i / (time * inputs)) * 2 * time * inputs + from * inputs + (i % (time * inputs))]!,
      ),
    })
    const windows = []
    for (const from of [0, time])
      windows.push((await executable.bind(stores).run({ feeds: { x: part(from) }, scalars: { rate: 0 } })).outputs.output!)
    windows.forEach(({ data }, w) => {
      for (let row = 0; row < batch; row++) {
        const [size, start] = [time * hidden, (row * 2 + w) * time * hidden]
        close(data.slice(row * size, (row + 1) * size), expected.output!.data.slice(start, start + size), `window ${w}, row ${row}`)
      }
    })
    close(await stores.carry.read('rnn.1.h'), expected.h!.data, 'h')
    close(await stores.carry.read('rnn.1.c'), expected.c!.data, 'c')
    assert.ok((await stores.gradients.largest()).value > 0)
    for (const x of [whole, executable, ...Object.values(stores)]) await x.dispose()
  })

  test('locked dropout: one mask for all steps of a sequence, none in evaluation', async () => {
    const x = input('x', [2, 4, 8])
    const executable = await executor.compile({
      outputs: { y: lockedDropout(new Scope({ training: true }), 'site', x, 0.5), same: lockedDropout(new Scope(), 'site', x, 0.5) },
    })
    const ones = { shape: [2, 4, 8], data: new Float32Array(64).fill(1) }
    const run = async (step: number) => (await executable.bind({}).run({ feeds: { x: ones }, seed: 3, step })).outputs
    const { y, same } = await run(0)
    assert.deepEqual(same!.data, ones.data)
    const masks = [0, 1].map((row) => y!.data.slice(row * 32, row * 32 + 8))
    for (const [row, mask] of masks.entries())
      for (let t = 1; t < 4; t++) assert.deepEqual(y!.data.slice(row * 32 + t * 8, row * 32 + t * 8 + 8), mask)
    assert.notDeepEqual(masks[0], masks[1])
    assert.deepEqual(new Set(y!.data as Float32Array), new Set([0, 2]))
    assert.notDeepEqual((await run(1)).y!.data, y!.data)
    await executable.dispose()
  })

  test('weight-drop: the layer runs with a recurrent matrix that has holes, and holes get no gradient', async () => {
    const path = 'rnn.hidden.weight'
    const [inputs, hidden] = [2, 6]
    const layer = (scope: Scope) => lstm(scope, 'rnn', input('x', [2, 5, inputs]), { inputs, hidden })
    const scope = new Scope({ training: true, parametrize: new Map([[path, weightDrop(path, 0.5)]]) })
    const { output } = layer(scope)
    const [gradient] = grad(ops.sum(output), [scope.parameters.get(path)!])
    const dropped = await executor.compile({ outputs: { output, weight: scope.parameter(path, [hidden, 4 * hidden]), gradient: gradient!.tensor } })
    const evaluation = new Scope({ parametrize: new Map([[path, weightDrop(path, 0.5)]]) })
    const plain = await executor.compile({ outputs: { output: layer(evaluation).output } })
    const store = await filled(scope)
    const feeds = { x: numbers([2, 5, inputs]) }
    const values = (await dropped.bind({ params: store }).run({ feeds, seed: 1 })).outputs
    const holes = [...(values.weight!.data as Float32Array)].map((w) => w === 0)
    assert.ok(holes.filter(Boolean).length > 40 && holes.filter(Boolean).length < 104, 'about half of 144')
    values.gradient!.data.forEach((g: number | bigint, i: number) => {
      assert.equal(Number(g) === 0, holes[i], `gradient ${i}`)
    })
    await store.write(path, values.weight!.data)
    close((await plain.bind({ params: store }).run({ feeds })).outputs.output!.data, values.output!.data, 'output')
    for (const x of [dropped, plain, store]) await x.dispose()
  })

  test('a wrong input is named', () => {
    assert.throws(() => lstm(new Scope(), 'rnn.0', input('x', [2, 5, 3]), { inputs: 4, hidden: 6 }), {
      name: 'GraphError',
      message: 'rnn.0: x f32 [2, 5, 3]: expected [batch, time, 4]',
    })
  })
})
