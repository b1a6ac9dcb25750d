// A classifier on an encoder that came in an ONNX file: the encoder's own graph, pooled, with a linear head. Whatever the encoder's shape, it is
// trained as a whole and written back as one ONNX file.

import { type Dim, type Executor, type Feed, input, ops, type Store, type Tensor, writeOnnx } from '@thaw/tensor'
import type { OnnxEncoder } from '../hub/onnx-encoder.js'
import { dropout, linear } from '../nn/layers.js'
import { Scope } from '../nn/scope.js'
import { padded } from '../tasks/inputs.js'
import { type Pooling, paddingSide, pool } from '../tasks/pooling.js'
import { initialise } from '../train/initialise.js'

export interface OnnxClassifierOptions {
  labels: number
  /** Default mean, over the visible tokens; `clf` needs a token that the encoder has not. */
  pooling?: Exclude<Pooling, 'clf'>
  /** Before the head, in training. Default 0.1. */
  dropout?: number
}

export interface OnnxClassifier {
  /** f32 [batch, labels] */
  readonly logits: Tensor
  /** The mean cross-entropy against `labels` i32 [batch], with dropout. */
  readonly loss: Tensor
  /** The encoder's parameters and the head's: `heads.classification.{weight,bias}`. */
  readonly parameters: readonly Tensor[]
  /** A store with the encoder's weights and a new head. */
  store(executor: Executor, seed: number): Promise<Store>
  /** What a run is fed with for texts as ids, and for their labels where given. */
  feeds(rows: readonly (readonly number[])[], pad: number, labels?: readonly number[]): Record<string, Feed>
  /** The classifier as an ONNX file with the output `logits`; weights keep the names and layouts they came with where asked for. */
  write(params: Store, options?: { originalNames?: boolean }): Promise<Uint8Array>
}

/**
 * Attaches a classification head to an encoder.
 *
 * ```ts
 * const classifier = onnxClassifier(onnxEncoder(readOnnxFile('encoder.onnx')), { labels: 6 })
 * const step = trainingStep({ loss: classifier.loss, parameters: classifier.parameters, optimizer: adamw() })
 * ```
 */
export function onnxClassifier(encoder: OnnxEncoder, options: OnnxClassifierOptions): OnnxClassifier {
  const { labels, pooling = 'mean', dropout: rate = 0.1 } = options
  const { model, hidden, width } = encoder
  const [batch, time] = hidden.shape as [Dim, Dim]
  const visible = ops.greater(encoder.mask, 0)
  const rows = ops.reshape(hidden, [-1, width])
  const path = 'heads.classification'
  const head = (scope: Scope) => {
    const pooled = pool(pooling, rows, ops.reshape(visible, [batch, time]))
    return linear(scope, path, dropout(scope, `${path}.dropout`, pooled, rate), width, labels)
  }
  const scope = new Scope()
  const logits = head(scope)
  const training = new Scope({ training: true })
  const loss = ops.crossEntropy(head(training), input('labels', [batch], 'i32'))
  const encoderParameters = [...model.parameters.values()].map(({ tensor }) => tensor)
  const headShapes = [...scope.parameters].map(([name, { shape }]) => [name, shape as number[]] as const)
  return {
    logits,
    loss,
    parameters: [...encoderParameters, ...training.parameters.values()],
    async store(executor, seed) {
      const store = await executor.store('params')
      await store.declare([...encoderParameters, ...scope.parameters.values()])
      for (const [name, { data }] of model.parameters) await store.write(name, data)
      await initialise(store, headShapes, seed)
      return store
    },
    feeds(texts, pad, targets) {
      const { ids, visible: seen, positions } = padded(texts, paddingSide(pooling), pad)
      const feed = (tensor: Tensor | undefined, data: Int32Array) =>
        tensor ? [[tensor.node.attributes.path as string, { data, shape: ids.shape }] as const] : []
      return {
        ...Object.fromEntries([
          ...feed(encoder.ids, ids.data as Int32Array),
          ...feed(encoder.mask, Int32Array.from(seen.data as Uint8Array)),
          ...feed(encoder.segments, new Int32Array(ids.data.length)),
          ...feed(encoder.positions, positions.data as Int32Array),
        ]),
        ...(targets ? { labels: { data: Int32Array.from(targets), shape: [targets.length] } } : {}),
      }
    },
    async write(params, { originalNames = false } = {}) {
      const parameters = new Map<string, { shape: readonly number[]; data: Float32Array }>()
      for (const { path: name, shape } of await params.describe()) parameters.set(name, { shape, data: (await params.read(name)) as Float32Array })
      return writeOnnx({ logits }, { parameters, ...(originalNames ? { like: model.parameters } : {}) })
    },
  }
}
