// The loop as an operation. Its inputs are the first carried values, the sequences, and the captures; its outputs the last carried values,
// the stacked ys, and everything else of the body, stacked too: a backward pass picks from these what it needs, and only what something reads
// is computed and kept.

import type { Dim } from '../../dim.js'
import { applyAll, type Operation, type Tensor } from '../../tensor.js'
import { range } from '../shape.js'
import { type Body, closeBody, type Step, variable } from './body.js'
import { scanGradient } from './gradient.js'

export interface ScanAttributes {
  body: Body
  /** From the last step to the first; stacked outputs stay in the order of the sequences. */
  reverse: boolean
}

const scanOperation: Operation = {
  name: 'scan',
  infer(inputs, { body }) {
    const { carry, next, ys, inner } = body as Body
    const steps = inputs[carry.length]!.shape[0]!
    const stacked = [...ys, ...inner].map(({ shape, dtype }) => ({ shape: [steps, ...shape], dtype }))
    return [...next.map(({ shape, dtype }) => ({ shape, dtype })), ...stacked]
  },
  gradient: (node, gradients, needed) => scanGradient(node, gradients, needed),
  onnx(emit, node, inputs, lowering) {
    const { body, reverse } = node.attributes as ScanAttributes
    const { carry, xs, captures, next, ys, inner } = body
    const taken = carry.length + xs.length
    const stacked = [...ys, ...inner].map((tensor, i) => ({ tensor, output: next.length + i }))
    const kept = stacked.filter(({ output }) => lowering.isUsed(node.outputs[output]!))
    const given = new Map(captures.map((capture, i) => [capture, inputs[taken + i]!]))
    const graph = lowering.body([...carry, ...xs], given, [...next, ...kept.map(({ tensor }) => tensor)])
    const names = emit.node(
      'Scan',
      inputs.slice(0, taken),
      {
        body: { graph },
        num_scan_inputs: xs.length,
        ...(reverse ? { scan_input_directions: xs.map(() => 1), scan_output_directions: kept.map(() => 1) } : {}),
      },
      { outputs: next.length + kept.length },
    )
    const result = node.outputs.map((_, i) => (i < next.length ? names[i]! : undefined))
    kept.forEach(({ output }, i) => {
      result[output] = names[next.length + i]
    })
    return result as string[]
  },
}

/** What a loop starts from: values for the step's parameters, in the same order. */
export interface Start {
  carry: readonly Tensor[]
  xs: readonly Tensor[]
  /** The number of steps, where there are no sequences. */
  length?: Dim
  reverse: boolean
}

/** Runs a step over sequences. Returns the node's outputs: last carried values, stacked ys, stacked inner values. */
export function loop(step: Step, { carry, xs, length, reverse }: Start): readonly Tensor[] {
  const counted = xs.length === 0 ? { step: [variable('step', [], 'i32')], start: [range(length!)] } : { step: step.xs, start: xs }
  const { body, captured } = closeBody({ ...step, xs: counted.step })
  return applyAll(scanOperation, [...carry, ...counted.start, ...captured], { body, reverse })
}
