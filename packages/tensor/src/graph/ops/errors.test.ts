// What every operation refuses while a graph is built: the message names the operation, both shapes, and the parameter's path or the input's name.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dim } from '../dim.js'
import { grad } from '../grad.js'
import { constant, GraphError, input, parameter, type Tensor } from '../tensor.js'
import * as ops from './index.js'

const [batch, time] = [dim('batch'), dim('time')]
const weight = parameter('layers.0.up.weight', [4, 8])
const bias = parameter('layers.0.up.bias', [8])
const x = input('x', [batch, time, 4])
const rows = input('rows', [6, 4])
const flags = input('flags', [batch], 'bool')
const ids = input('ids', [batch, time], 'i32')
const heads = (name: string, last: number) => input(name, [batch, 2, time, last])

const refused: [title: string, build: () => unknown, message: string][] = [
  ['add: shapes', () => ops.add(x, weight), 'add: shapes do not broadcast: x f32 [batch, time, 4] and layers.0.up.weight f32 [4, 8]'],
  ['add: two names', () => ops.add(input('a', [batch]), input('b', [time])), 'add: shapes do not broadcast: a f32 [batch] and b f32 [time]'],
  ['sub', () => ops.sub(rows, weight), 'sub: shapes do not broadcast: rows f32 [6, 4] and layers.0.up.weight f32 [4, 8]'],
  ['mul: types', () => ops.mul(x, ids), 'mul: x f32 [batch, time, 4] and ids i32 [batch, time] differ in type'],
  ['div', () => ops.div(rows, bias), 'div: shapes do not broadcast: rows f32 [6, 4] and layers.0.up.bias f32 [8]'],
  ['pow', () => ops.pow(rows, bias), 'pow: shapes do not broadcast: rows f32 [6, 4] and layers.0.up.bias f32 [8]'],
  ['maximum', () => ops.maximum(rows, bias), 'maximum: shapes do not broadcast: rows f32 [6, 4] and layers.0.up.bias f32 [8]'],
  ['minimum', () => ops.minimum(rows, bias), 'minimum: shapes do not broadcast: rows f32 [6, 4] and layers.0.up.bias f32 [8]'],
  ['exp', () => ops.exp(ids), 'exp: ids i32 [batch, time] has the wrong type: expected f32 or f16 or bf16'],
  ['relu', () => ops.relu(ids), 'relu: ids i32 [batch, time] has the wrong type: expected f32 or f16 or bf16'],
  ['gelu', () => ops.gelu(flags), 'gelu: flags bool [batch] has the wrong type: expected f32 or f16 or bf16'],
  ['gelu-tanh', () => ops.geluTanh(flags), 'gelu-tanh: flags bool [batch] has the wrong type: expected f32 or f16 or bf16'],
  ['neg', () => ops.neg(flags), 'neg: flags bool [batch] has the wrong type: expected f32 or f16 or bf16 or i32 or i64'],
  ['clip', () => ops.clip(rows, 1, 0), 'clip: low 1 is above high 0'],
  ['equal', () => ops.equal(rows, bias), 'equal: shapes do not broadcast: rows f32 [6, 4] and layers.0.up.bias f32 [8]'],
  ['less: types', () => ops.less(x, ids), 'less: x f32 [batch, time, 4] and ids i32 [batch, time] differ in type'],
  ['and', () => ops.and(flags, input('others', [time], 'bool')), 'and: shapes do not broadcast: flags bool [batch] and others bool [time]'],
  ['not', () => ops.not(ids), 'not: ids i32 [batch, time] has the wrong type: expected bool'],
  ['where: condition', () => ops.where(flags, rows, 0), 'where: the condition flags bool [batch] does not broadcast with rows f32 [6, 4] and f32 []'],
  ['where: type', () => ops.where(ids, 0, 1), 'where: ids i32 [batch, time] has the wrong type: expected bool'],
  [
    'matmul: inner',
    () => ops.matmul(x, weight, { transB: true }),
    'matmul: inner sizes 4 and 8 differ: x f32 [batch, time, 4] × layers.0.up.weight f32 [4, 8] (transA false, transB true)',
  ],
  ['matmul: rank', () => ops.matmul(rows, bias), 'matmul: layers.0.up.bias f32 [8] has rank 1: expected at least 2'],
  [
    'matmul: batch',
    () => ops.matmul(input('a', [2, 3, 4]), input('b', [3, 4, 5])),
    'matmul: batch axes do not broadcast: a f32 [2, 3, 4] × b f32 [3, 4, 5]',
  ],
  [
    'matmul: types',
    () => ops.matmul(rows, parameter('half', [4, 4], { dtype: 'f16' })),
    'matmul: rows f32 [6, 4] and half f16 [4, 4] differ in type',
  ],
  [
    'linear: inner',
    () => ops.linear(input('wide', [batch, 5]), weight, bias),
    'linear: inner sizes differ: wide f32 [batch, 5] × layers.0.up.weight f32 [4, 8]',
  ],
  [
    'linear: bias',
    () => ops.linear(rows, weight, parameter('layers.0.down.bias', [4])),
    'linear: the bias layers.0.down.bias f32 [4] does not fit the weight layers.0.up.weight f32 [4, 8]',
  ],
  ['linear: weight', () => ops.linear(rows, bias), 'linear: the weight layers.0.up.bias f32 [8] has rank 1: expected [in, out]'],
  ['sum: axis', () => ops.sum(rows, 2), 'sum: axis 2 is outside a tensor of rank 2: expected -2 to 1'],
  ['mean: twice', () => ops.mean(rows, [1, -1]), 'mean: axes [1,-1] name an axis twice'],
  ['max: type', () => ops.max(flags), 'max: flags bool [batch] has the wrong type: expected f32 or f16 or bf16 or i32'],
  ['norm: type', () => ops.norm(ids), 'norm: ids i32 [batch, time] has the wrong type: expected f32 or f16 or bf16'],
  ['argmax', () => ops.argmax(rows, 5), 'argmax: axis 5 is outside a tensor of rank 2: expected -2 to 1'],
  ['softmax', () => ops.softmax(ids), 'softmax: ids i32 [batch, time] has the wrong type: expected f32 or f16 or bf16'],
  ['log-softmax', () => ops.logSoftmax(rows, -3), 'log-softmax: axis -3 is outside a tensor of rank 2: expected -2 to 1'],
  ['layer-norm: gain', () => ops.layerNorm(rows, bias, bias), 'layer-norm: layers.0.up.bias f32 [8] does not fit the last axis of rows f32 [6, 4]'],
  [
    'layer-norm: named axis',
    () => ops.layerNorm(input('odd', [4, time]), bias, bias),
    'layer-norm: the last axis of odd f32 [4, time] must have a fixed size',
  ],
  ['rms-norm', () => ops.rmsNorm(rows, bias), 'rms-norm: layers.0.up.bias f32 [8] does not fit the last axis of rows f32 [6, 4]'],
  [
    'attention: keys',
    () => ops.attention(heads('q', 4), heads('k', 5), heads('v', 4)),
    'attention: queries q f32 [batch, 2, time, 4], keys k f32 [batch, 2, time, 5] and values v f32 [batch, 2, time, 4] do not fit together',
  ],
  [
    'attention: heads',
    () => ops.attention(heads('q', 4), input('k', [batch, 1, time, 4]), input('v', [batch, 1, time, 4])),
    'attention: queries q f32 [batch, 2, time, 4], keys k f32 [batch, 1, time, 4] and values v f32 [batch, 1, time, 4] do not fit together',
  ],
  [
    'attention: mask',
    () => ops.attention(heads('q', 4), heads('k', 4), heads('v', 4), { mask: input('visible', [batch, 1, 1, 7], 'bool') }),
    'attention: the mask f32 [batch, 1, 1, 7] does not broadcast to the scores [batch, 2, time, time]',
  ],
  [
    'attention: keep',
    () => ops.attention(heads('q', 4), heads('k', 4), heads('v', 4), { keep: input('keep', [3, 2, time, time]) }),
    'attention: the mask keep f32 [3, 2, time, time] does not broadcast to the scores [batch, 2, time, time]',
  ],
  ['attention: rank', () => ops.attention(x, x, x), 'attention: x f32 [batch, time, 4]: expected [batch, heads, time, headDim]'],
  [
    'cross-entropy',
    () => ops.crossEntropy(rows, ids),
    'cross-entropy: logits rows f32 [6, 4] and targets ids i32 [batch, time]: expected [n, classes] and [n]',
  ],
  [
    'linear-cross-entropy: table',
    () => ops.linearCrossEntropy(rows, weight, input('targets', [6], 'i32')),
    'linear-cross-entropy: rows f32 [6, 4], table layers.0.up.weight f32 [4, 8], targets targets i32 [6]: expected [n, d], [classes, d], [n]',
  ],
  [
    'linear-cross-entropy: bias',
    () => ops.linearCrossEntropy(rows, parameter('table', [9, 4]), input('targets', [6], 'i32'), { bias }),
    'linear-cross-entropy: the bias layers.0.up.bias f32 [8] does not fit table f32 [9, 4]',
  ],
  [
    'linear-cross-entropy: chunks',
    () => ops.linearCrossEntropy(rows, parameter('table', [9, 4]), input('targets', [6], 'i32'), { chunks: 0 }),
    'linear-cross-entropy: chunks 0: expected a whole number of at least 1',
  ],
  ['gather: ids', () => ops.gather(weight, rows), 'gather: rows f32 [6, 4] has the wrong type: expected i32 or i64'],
  ['gather: axis', () => ops.gather(weight, ids, 2), 'gather: axis 2 is outside a tensor of rank 2: expected -2 to 1'],
  [
    'scatter-add: rows',
    () => ops.scatterAdd(weight, input('places', [3], 'i32'), input('new', [3, 4])),
    'scatter-add: new f32 [3, 4] are no rows of layers.0.up.weight f32 [4, 8] for the ids places i32 [3]',
  ],
  [
    'gather-elements: rank',
    () => ops.gatherElements(weight, input('places', [3], 'i32')),
    'gather-elements: layers.0.up.weight f32 [4, 8] and places i32 [3] differ in rank',
  ],
  [
    'gather-elements: sizes',
    () => ops.gatherElements(weight, input('places', [3, 1], 'i32')),
    'gather-elements: places i32 [3, 1] does not fit layers.0.up.weight f32 [4, 8]: sizes may differ along axis 1 only',
  ],
  ['slice: end', () => ops.slice(weight, 1, 2, 9), 'slice: 2 to 9 lies outside axis 1 of layers.0.up.weight f32 [4, 8]'],
  ['slice: start', () => ops.slice(weight, 0, -5), 'slice: -1 to 4 lies outside axis 0 of layers.0.up.weight f32 [4, 8]'],
  ['slice: named', () => ops.slice(x, 1, 1, 0), 'slice: 1 to 0 lies outside axis 1 of x f32 [batch, time, 4]'],
  ['slice: step', () => ops.slice(weight, 1, 0, 8, -1), 'slice: step -1: expected a whole number of at least 1 (flip() runs backwards)'],
  ['concat', () => ops.concat([rows, weight], 0), 'concat: layers.0.up.weight f32 [4, 8] does not fit rows f32 [6, 4] along axis 0'],
  ['concat: nothing', () => ops.concat([]), 'concat: nothing to join'],
  ['stack', () => ops.stack([rows, weight]), 'stack: layers.0.up.weight f32 [4, 8] has another shape or type than rows f32 [6, 4]'],
  ['split', () => ops.split(weight, [3, 4]), 'split: the sizes [3,4] sum to 7, axis -1 of layers.0.up.weight f32 [4, 8] has 8'],
  ['pad', () => ops.pad(weight, 0, -1, 2), 'pad: -1 before and 2 after axis 0 of layers.0.up.weight f32 [4, 8]: expected at least 0'],
  ['flip', () => ops.flip(weight, 3), 'flip: axis 3 is outside a tensor of rank 2: expected -2 to 1'],
  ['cumulative-sum', () => ops.cumulativeSum(flags), 'cumulative-sum: flags bool [batch] has the wrong type: expected f32 or i32'],
  ['top-k', () => ops.topK(weight, 9), 'top-k: 9 of an axis of 8 in layers.0.up.weight f32 [4, 8]'],
  ['sort', () => ops.sort(weight, 2), 'sort: axis 2 is outside a tensor of rank 2: expected -2 to 1'],
  ['transpose', () => ops.transpose(x, [0, 1, 1]), 'transpose: the order [0,1,1] is no permutation of the 3 axes of x f32 [batch, time, 4]'],
  ['reshape', () => ops.reshape(x, [batch, 4]), 'reshape: x f32 [batch, time, 4] has 4*batch*time elements, [batch, 4] has 4*batch'],
  ['reshape: -1', () => ops.reshape(weight, [-1, 5]), 'reshape: layers.0.up.weight f32 [4, 8] does not divide into [-1, 5]'],
  ['expand', () => ops.expand(weight, [4, 4, 4]), 'expand: layers.0.up.weight f32 [4, 8] does not broadcast to [4, 4, 4]'],
  ['squeeze', () => ops.squeeze(weight, 0), 'squeeze: axis 0 of layers.0.up.weight f32 [4, 8] has size 4: expected 1'],
  ['unsqueeze', () => ops.unsqueeze(weight, 4), 'unsqueeze: axis 4 is outside a tensor of rank 3: expected -3 to 2'],
  [
    'segment-sum',
    () => ops.segmentSum(rows, input('words', [5], 'i32'), 3),
    'segment-sum: rows f32 [6, 4] and segments words i32 [5]: expected [n, ..] and i32 [n]',
  ],
  ['dropout: rate', () => ops.dropout(x, 1, 'embeddings'), 'dropout: rate 1 at embeddings: expected at least 0 and below 1'],
  [
    'dropout: shape',
    () => ops.dropout(x, 0.1, 'embeddings', [batch, time, 5]),
    'dropout: the mask [batch, time, 5] at embeddings does not fit x f32 [batch, time, 4]',
  ],
  ['constant', () => constant([1, 2, 3], [2, 2]), 'constant: 3 values for the shape [2, 2], which has 4'],
  ['checkpoint', () => ops.checkpoint([x], () => []), 'checkpoint: nothing was built'],
  [
    'grad: no scalar',
    () => grad(weight, [weight]),
    'grad: layers.0.up.weight f32 [4, 8] is not a scalar: reduce it, or give a seed of the shape [4, 8]',
  ],
]

for (const [title, build, message] of refused)
  test(`refused: ${title}`, () => {
    assert.throws(build, new GraphError(message))
  })

test('a mistake deep in a model names the parameter that does not fit, not a node of the runtime', () => {
  const layer = (h: Tensor, n: number, hidden: number) =>
    ops.linear(ops.gelu(h), parameter(`layers.${n}.weight`, [hidden, hidden]), parameter(`layers.${n}.bias`, [hidden]))
  assert.throws(
    () => layer(layer(input('h', [batch, 16]), 0, 16), 1, 32),
    new GraphError('linear: inner sizes differ: f32 [batch, 16] × layers.1.weight f32 [32, 32]'),
  )
})
