// An encoder inside an ONNX file: which input takes ids, which one says what is visible, and which value is the hidden states. Exporters agree on
// little here: outputs may be called `463`, declared with the wrong type, and stand beside pooled sentences.

import type { ImportedModel, Tensor } from '@thaw/tensor'

export interface OnnxEncoder {
  readonly model: ImportedModel
  /** i32 [batch, time] */
  readonly ids: Tensor
  /** 1 where a token is visible, i32 [batch, time]. */
  readonly mask: Tensor
  /** Which of two texts a token belongs to, i32 [batch, time], where the file asks for it. */
  readonly segments: Tensor | undefined
  /** i32 [batch, time], where the file asks for it. */
  readonly positions: Tensor | undefined
  /** f32 [batch, time, width] */
  readonly hidden: Tensor
  readonly width: number
  /** The most tokens of a text: the rows of the position table where the file says so. */
  readonly maxLength: number | undefined
}

const roles = {
  ids: ['input_ids', 'ids', 'tokens', 'input'],
  mask: ['attention_mask', 'mask', 'input_mask', 'visible'],
  segments: ['token_type_ids', 'segment_ids', 'segments'],
  positions: ['position_ids', 'positions'],
} as const
const preferred = ['last_hidden_state', 'hidden_states', 'token_embeddings']

/**
 * Finds an encoder in an imported model. `hidden` names the value to read, where it is not the first output of the shape [batch, time, width].
 *
 * ```ts
 * const encoder = onnxEncoder(readOnnxFile('encoder.onnx'))
 * encoder.width   // 384
 * ```
 *
 * @throws listing the inputs and outputs, where one that is needed is not found.
 */
export function onnxEncoder(model: ImportedModel, options: { hidden?: string } = {}): OnnxEncoder {
  const named = (role: keyof typeof roles) => roles[role].map((name) => model.inputs[name]).find((x) => x?.rank === 2 && x.dtype === 'i32')
  const inputs = Object.entries(model.inputs)
    .map(([name, { dtype, shape }]) => `${name} ${dtype} [${shape.join(', ')}]`)
    .join('; ')
  const needed = (role: 'ids' | 'mask') => {
    const found = named(role)
    if (!found) throw new Error(`ONNX encoder: no input is called ${roles[role].join(' or ')}, with integers [batch, time]; the inputs are ${inputs}`)
    return found
  }
  const [ids, mask, segments, positions] = [needed('ids'), needed('mask'), named('segments'), named('positions')]
  const known = new Set([ids, mask, segments, positions])
  const strange = Object.entries(model.inputs).filter(([, tensor]) => !known.has(tensor))
  if (strange.length > 0)
    throw new Error(`ONNX encoder: what to feed to ${strange.map(([name]) => name).join(', ')} is not known; the inputs are ${inputs}`)
  const hidden = options.hidden === undefined ? firstHidden(model) : model.value(options.hidden)
  const width = hidden?.shape[2]
  if (hidden?.dtype !== 'f32' || hidden.rank !== 3 || typeof width !== 'number') {
    const outputs = Object.entries(model.outputs).map(([name, { dtype, shape }]) => `${name} ${dtype} [${shape.join(', ')}]`)
    const what = options.hidden === undefined ? 'no output' : `no value ${JSON.stringify(options.hidden)}`
    throw new Error(
      `ONNX encoder: there is ${what} of the shape [batch, time, width]; the outputs are ${outputs.join('; ')}: name a value as \`hidden\``,
    )
  }
  return { model, ids, mask, segments, positions, hidden, width, maxLength: longest(model, ids) }
}

function firstHidden(model: ImportedModel): Tensor | undefined {
  const fits = Object.entries(model.outputs).filter(([, { dtype, rank, shape }]) => dtype === 'f32' && rank === 3 && typeof shape[2] === 'number')
  return (fits.find(([name]) => preferred.includes(name)) ?? fits[0])?.[1]
}

/** `sequence ≤ 512`, which the import found, as a number. */
function longest(model: ImportedModel, ids: Tensor): number | undefined {
  const limits = model.report.assumptions.flatMap((text) => {
    const [name, limit] = text.split(' ≤ ')
    return name === String(ids.shape[1]) && limit !== undefined && /^\d+$/.test(limit) ? [Number(limit)] : []
  })
  return limits.length === 0 ? undefined : Math.min(...limits)
}
