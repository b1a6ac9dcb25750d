// Sums of products written with letters (Einstein's notation as NumPy has it): `bqhd,bkhd->bhqk`. It becomes transposes, reshapes and matrix
// products, which have gradients and run fast; there is no node of its own.

import { type Dim, type Shape, sameDim, sizeOf } from '../dim.js'
import { describe, GraphError, type Tensor } from '../tensor.js'
import { equal, where } from './compare.js'
import { mul } from './elementwise.js'
import { matmul } from './matmul.js'
import { sum } from './reduce.js'
import { range, reshape, transpose, unsqueeze } from './shape.js'

/** A tensor whose axes are named. */
interface Named {
  tensor: Tensor
  labels: readonly string[]
}

/**
 * Σ over the letters that the output lacks, of the product of the operands. An ellipsis stands for leading axes, which must be alike.
 *
 * ```ts
 * einsum('bqhd,bkhd->bhqk', [q, k])   // attention scores
 * ```
 *
 * @throws GraphError naming the equation, where the letters do not fit the operands.
 */
export function einsum(equation: string, operands: readonly Tensor[]): Tensor {
  const fail = (why: string): never => {
    throw new GraphError(`einsum ${JSON.stringify(equation)}: ${why}`)
  }
  const [left, right] = equation.replaceAll(' ', '').split('->') as [string, string | undefined]
  const terms = left.split(',')
  if (terms.length !== operands.length) fail(`${terms.length} terms for ${operands.length} operands`)
  const named = terms.map((term, i) => ({ tensor: operands[i]!, labels: labelsOf(term, operands[i]!, fail) }))
  const sizes = new Map<string, Dim>()
  for (const { tensor, labels } of named)
    labels.forEach((label, axis) => {
      const size = tensor.shape[axis]!
      const known = sizes.get(label)
      if (known !== undefined && !sameDim(known, size)) fail(`${label} is ${known} and ${size}: ${operands.map(describe).join(', ')}`)
      sizes.set(label, size)
    })
  const output = right === undefined ? implied(named) : outputLabels(right, named)
  for (const label of output) if (!sizes.has(label)) fail(`the output's ${label} is in no operand`)
  if (new Set(output).size !== output.length) fail('the output names an axis twice')

  const diagonal = named.map(withoutRepeats)
  const result = diagonal.slice(1).reduce((a, b, i) => {
    const later = new Set([...output, ...diagonal.slice(i + 2).flatMap((x) => x.labels)])
    return product(a, b, later, sizes)
  }, diagonal[0]!)
  const { tensor, labels } = sumOut(result, new Set(output))
  return transpose(
    tensor,
    output.map((label) => labels.indexOf(label)),
  )
}

/** One name an axis; the axes under an ellipsis are numbered from the right. */
function labelsOf(term: string, tensor: Tensor, fail: (why: string) => never): string[] {
  const [before, after, more] = term.split('...') as [string, string | undefined, string | undefined]
  if (!/^[a-zA-Z]*$/.test(before + (after ?? '')) || more !== undefined) fail(`the term ${JSON.stringify(term)} is not made of letters`)
  const hidden = tensor.rank - before.length - (after?.length ?? 0)
  if (hidden < 0 || (after === undefined && hidden > 0)) fail(`the term ${term} does not fit ${describe(tensor)}`)
  return [...before, ...Array.from({ length: hidden }, (_, i) => `.${hidden - i}`), ...(after ?? '')]
}

/** Without an arrow: the axes under an ellipsis, then the letters that occur once, in the order of the alphabet. */
function implied(operands: readonly Named[]): string[] {
  const all = operands.flatMap((x) => x.labels)
  const letters = [...new Set(all)].filter((label) => !label.startsWith('.') && all.indexOf(label) === all.lastIndexOf(label))
  return [...ellipsisOf(operands), ...letters.sort()]
}

const ellipsisOf = (operands: readonly Named[]): string[] =>
  operands.map((x) => x.labels.filter((label) => label.startsWith('.'))).reduce((a, b) => (b.length > a.length ? b : a), [])

function outputLabels(term: string, operands: readonly Named[]): string[] {
  const [before, after] = term.split('...') as [string, string | undefined]
  return after === undefined ? [...before] : [...before, ...ellipsisOf(operands), ...after]
}

/** A letter that an operand has twice means its diagonal: everything else is set to zero and summed away. */
function withoutRepeats({ tensor, labels }: Named): Named {
  const first = labels.findIndex((label, i) => labels.indexOf(label) !== i)
  if (first < 0) return { tensor, labels }
  const other = labels.indexOf(labels[first]!)
  const along = (axis: number) =>
    reshape(
      range(tensor.shape[axis]!),
      labels.map((_, i) => (i === axis ? tensor.shape[axis]! : 1)),
    )
  const kept = sum(where(equal(along(first), along(other)), tensor, 0), first)
  return withoutRepeats({ tensor: kept, labels: labels.filter((_, i) => i !== first) })
}

/** Sums over the axes that nothing later needs. */
function sumOut({ tensor, labels }: Named, needed: ReadonlySet<string>): Named {
  const axes = labels.flatMap((label, axis) => (needed.has(label) ? [] : [axis]))
  return axes.length === 0 ? { tensor, labels } : { tensor: sum(tensor, axes), labels: labels.filter((label) => needed.has(label)) }
}

/** The product of two operands: shared letters that are needed later are batch axes, those that are not are summed over. */
function product(a: Named, b: Named, later: ReadonlySet<string>, sizes: ReadonlyMap<string, Dim>): Named {
  const left = sumOut(a, new Set([...later, ...b.labels]))
  const right = sumOut(b, new Set([...later, ...a.labels]))
  const shared = left.labels.filter((label) => right.labels.includes(label))
  const batch = shared.filter((label) => later.has(label))
  const inner = shared.filter((label) => !later.has(label))
  const rows = left.labels.filter((label) => !shared.includes(label))
  const columns = right.labels.filter((label) => !shared.includes(label))
  const shape = (labels: readonly string[]): Shape => labels.map((label) => sizes.get(label)!)
  const labels = [...batch, ...rows, ...columns]
  if (inner.length === 0) {
    // nothing to sum over: an outer product, or a scaling
    const spread = ({ tensor, labels: own }: Named) => {
      const ordered = transpose(
        tensor,
        labels.filter((label) => own.includes(label)).map((label) => own.indexOf(label)),
      )
      return labels.reduce((x, label, axis) => (own.includes(label) ? x : unsqueeze(x, axis)), ordered)
    }
    return { tensor: mul(spread(left), spread(right)), labels }
  }
  const matrix = ({ tensor, labels: own }: Named, outer: readonly string[], first: boolean) => {
    const order = first ? [...batch, ...outer, ...inner] : [...batch, ...inner, ...outer]
    const sides = first ? [sizeOf(shape(outer)), sizeOf(shape(inner))] : [sizeOf(shape(inner)), sizeOf(shape(outer))]
    return reshape(
      transpose(
        tensor,
        order.map((label) => own.indexOf(label)),
      ),
      [...shape(batch), ...sides],
    )
  }
  const y = matmul(matrix(left, rows, true), matrix(right, columns, false))
  return { tensor: reshape(y, shape(labels)), labels }
}
