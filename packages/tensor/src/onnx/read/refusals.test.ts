// What cannot be read is refused by name and node; damaged and hostile files give errors that say what is wrong with them.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe as suite, test } from 'node:test'
import { exported, externalInitializer, joined, modelBytes, type NodeOf, nodeWithGraphs } from '../../testing/onnx.js'
import { readOnnxFile } from './file.js'
import { OnnxError } from './messages.js'
import { readOnnx } from './read-onnx.js'

const says = (text: string) => (error: unknown) => {
  assert.ok(error instanceof OnnxError, String(error))
  assert.equal(error.message, text)
  return true
}
const one = (node: NodeOf, more: object = {}) => modelBytes({ nodes: [node], inputs: { x: ['batch', 4] }, ...more })

suite('refusals', () => {
  test('an operation that is not read', () => {
    const bytes = one({ type: 'NonZero', inputs: ['x'], name: '/encoder/NonZero_3' })
    assert.throws(
      () => readOnnx(bytes, { file: 'encoder.onnx' }),
      says('encoder.onnx: node "/encoder/NonZero_3" (NonZero): this operation is not read (its operands: f32 [batch, 4])'),
    )
  })

  test("operations of another domain, and of ONNX Runtime's own", () => {
    assert.throws(
      () => readOnnx(one({ type: 'Fancy', domain: 'org.example', inputs: ['x'], name: 'f' })),
      says('model.onnx: node "f" (org.example:Fancy): this operation is not read (its operands: f32 [batch, 4])'),
    )
    assert.throws(
      () => readOnnx(one({ type: 'EmbedLayerNormalization', domain: 'com.microsoft', inputs: ['x'], name: 'e' })),
      says(
        `model.onnx: node "e" (com.microsoft:EmbedLayerNormalization): this operation of ONNX Runtime's own is not read: take the file from before its optimization`,
      ),
    )
  })

  test('quantized models', () => {
    assert.throws(
      () => readOnnx(one({ type: 'DynamicQuantizeLinear', inputs: ['x'], outputs: ['y', 's', 'z'], name: 'q' })),
      says('model.onnx: node "q" (DynamicQuantizeLinear): quantized models are not read: take the file with float weights'),
    )
  })

  test('control flow', () => {
    const body = modelBytes({ nodes: [{ type: 'Identity', inputs: ['x'] }] })
    const loop = joined(
      modelBytes({ nodes: [], inputs: { x: [4] }, outputs: ['y'] }),
      nodeWithGraphs({ type: 'Loop', name: '/decoder/Loop', inputs: ['', '', 'x'], outputs: ['y'] }, { body }),
    )
    assert.throws(() => readOnnx(loop), says('model.onnx: node "/decoder/Loop" (Loop): control flow is not read'))
    const choice = joined(
      modelBytes({
        nodes: [
          { type: 'ReduceMax', inputs: ['x'], outputs: ['m'], attributes: { keepdims: 0 } },
          { type: 'Cast', inputs: ['m'], outputs: ['c'], attributes: { to: 9 } },
        ],
        inputs: { x: [4] },
        outputs: ['y'],
      }),
      nodeWithGraphs({ type: 'If', name: '/If', inputs: ['c'], outputs: ['y'] }, { then_branch: body, else_branch: body }),
    )
    assert.throws(() => readOnnx(choice), says('model.onnx: node "/If" (If): control flow that depends on the data is not read'))
  })

  test('shapes that depend on the data', () => {
    const nodes: NodeOf[] = [
      { type: 'Cast', inputs: ['x'], outputs: ['s'], attributes: { to: 7 } },
      { type: 'Reshape', inputs: ['x', 's'], name: '/view' },
    ]
    assert.throws(
      () => readOnnx(modelBytes({ nodes, inputs: { x: [2] } })),
      says('model.onnx: node "/view" (Reshape): its input 2 ("s") depends on the data: shapes must follow from the inputs\' shapes'),
    )
  })

  test('operands that do not fit keep the name of their node', () => {
    const nodes: NodeOf[] = [{ type: 'Add', inputs: ['x', 'b'], name: '/add' }]
    assert.throws(
      () => readOnnx(modelBytes({ nodes, inputs: { x: ['batch', 4], b: [3] } })),
      says('model.onnx: node "/add" (Add): add: shapes do not broadcast: x f32 [batch, 4] and b f32 [3]'),
    )
  })

  test('a name that nothing computes, an input without a type, an old operator set', () => {
    assert.throws(() => readOnnx(one({ type: 'Neg', inputs: ['z'], name: 'n' })), says('model.onnx: node "n" (Neg): nothing computes its input "z"'))
    assert.throws(
      () => readOnnx(one({ type: 'Neg', inputs: ['x'], name: 'n' }, { outputs: ['gone'] })),
      says('model.onnx: nothing computes its output "gone"'),
    )
    assert.throws(
      () => readOnnx(one({ type: 'Neg', inputs: ['x'] }, { opset: 7 })),
      says('model.onnx: operator set 7 is not read: at least 9 is needed (PyTorch exports 13 and later)'),
    )
  })

  test('what nobody needs may be anything', () => {
    const nodes: NodeOf[] = [
      { type: 'NonZero', inputs: ['x'], outputs: ['where'] },
      { type: 'Neg', inputs: ['x'], outputs: ['y'] },
    ]
    const bytes = modelBytes({ nodes, inputs: { x: [4] }, outputs: ['where', 'y'] })
    assert.throws(() => readOnnx(bytes), /NonZero/)
    assert.deepEqual(Object.keys(readOnnx(bytes, { without: ['where'] }).outputs), ['y'])
  })

  test('a file cut off anywhere', () => {
    const whole = exported('bert-eager-jit-17')
    for (let length = 0; length < whole.length; length += 997)
      assert.throws(
        () => readOnnx(whole.subarray(0, length), { file: 'cut.onnx' }),
        (error: unknown) => error instanceof OnnxError && error.message.startsWith('cut.onnx'),
        `${length} of ${whole.length} bytes`,
      )
    assert.throws(
      () => readOnnx(whole.subarray(0, 5000), { file: 'cut.onnx' }),
      /^OnnxError: cut\.onnx ends in the middle of a field or is damaged \(5000 bytes, .*\): copy or download it again$/,
    )
  })

  test('bytes that were changed give an error or another model, and nothing else', () => {
    const whole = exported('einsum-eager-dynamo-20')
    for (let at = 0; at < whole.length; at += 211) {
      const damaged = whole.slice()
      damaged[at]! ^= 0x55
      try {
        readOnnx(damaged)
      } catch (error) {
        assert.ok(error instanceof OnnxError, `byte ${at}: ${error instanceof Error ? error.stack : error}`)
      }
    }
  })

  test('files that are no models', () => {
    assert.throws(
      () => readOnnx(new TextEncoder().encode('<!doctype html><title>404</title>'), { file: 'm.onnx' }),
      /^OnnxError: m\.onnx is no ONNX model: its first bytes are "<!doctype html>/,
    )
    assert.throws(
      () => readOnnx(new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\noid sha256:00\n'), { file: 'm.onnx' }),
      says('m.onnx is a pointer that Git LFS left in place of the model: fetch the file itself (git lfs pull)'),
    )
    assert.throws(() => readOnnx(new Uint8Array(), { file: 'm.onnx' }), says('m.onnx is no complete ONNX model: it has no graph'))
  })
})

suite('weights in other files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'thaw-onnx-'))
  const inside = join(folder, 'model')
  mkdirSync(join(inside, 'weights'), { recursive: true })
  const weights = Float32Array.of(9, 9, 1, 2, 3, 4)
  writeFileSync(join(inside, 'weights', 'data.bin'), weights)
  writeFileSync(join(folder, 'secret.bin'), weights)
  const path = join(inside, 'model.onnx')
  const write = (entries: Record<string, string>) => {
    const base = modelBytes({ nodes: [{ type: 'MatMul', inputs: ['x', 'w'] }], inputs: { x: ['batch', 2] } })
    writeFileSync(path, joined(base, externalInitializer('w', [2, 2], entries)))
    return () => readOnnxFile(path)
  }
  const refused = (entries: Record<string, string>, text: string) => assert.throws(write(entries), says(`model.onnx: tensor "w": ${text}`))

  test('are read at their offset', () => {
    const model = write({ location: 'weights/data.bin', offset: '8', length: '16' })()
    assert.deepEqual([...model.parameters.get('w')!.data], [1, 2, 3, 4])
    assert.deepEqual([...write({ location: './weights/data.bin', offset: '8' })().parameters.get('w')!.data], [1, 2, 3, 4])
  })

  test('must be there, and long enough', () => {
    refused({ location: 'gone.bin' }, 'its data are said to be in "gone.bin", which is not in the model\'s folder: put the file there')
    refused({ location: 'weights' }, 'its data are said to be in "weights", which is no file')
    refused(
      { location: 'weights/data.bin', offset: '16', length: '16' },
      'its data are said to be bytes 16 to 32 of "weights/data.bin", which has 24',
    )
    assert.throws(
      write({ location: 'weights/data.bin', length: '8' }),
      says('model.onnx: tensor "w" has 8 bytes of data: expected 16, 4 elements of float'),
    )
  })

  test('must lie in the folder of the model', () => {
    const outside = (location: string) =>
      `its data are said to be in ${JSON.stringify(location)}, which lies outside the model's folder: this is refused`
    for (const location of ['../secret.bin', 'weights/../../secret.bin', join(folder, 'secret.bin'), '..\\secret.bin', '', '.', 'a\0b'])
      refused({ location }, outside(location))
    if (process.platform === 'win32') return // links need rights there
    symlinkSync(join(folder, 'secret.bin'), join(inside, 'link.bin'))
    refused({ location: 'link.bin' }, `${outside('link.bin')} (it is a link)`)
  })

  test('need a way to be read', () => {
    write({ location: 'weights/data.bin' })
    const base = modelBytes({ nodes: [{ type: 'MatMul', inputs: ['x', 'w'] }], inputs: { x: ['batch', 2] } })
    assert.throws(
      () => readOnnx(joined(base, externalInitializer('w', [2, 2], { location: 'data.bin' }))),
      says('model.onnx: tensor "w" is stored in the file "data.bin" beside the model: read it with readOnnxFile, or give `external`'),
    )
    assert.throws(() => readOnnxFile(join(folder, 'nowhere.onnx')), /nowhere\.onnx cannot be read: ENOENT/)
    rmSync(folder, { recursive: true })
  })
})
