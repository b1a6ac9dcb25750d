// Sizes of a model's inputs as dimension expressions. Exporters write numbers, names (`batch_size`), nothing, or sums such as
// `past_sequence_length + 1`.

import { addDims, type Dim, dim, multiplyDims } from '../../graph/dim.js'

/** A name that dimension expressions accept. */
const plainName = (text: string): string => {
  const name = text.trim().replaceAll(/[^A-Za-z0-9_]+/g, '_')
  return /^[A-Za-z_]/.test(name) ? name : `d${name}`
}

/** A size as a file states it; `otherwise` names one that it leaves open. */
export function readDim(size: number | string | undefined, otherwise: string): Dim {
  if (typeof size === 'number') return size > 0 ? size : dim(plainName(otherwise))
  const text = size?.trim() ?? ''
  if (text === '') return dim(plainName(otherwise))
  return expression(text) ?? dim(plainName(text))
}

/** Sums of products of names and numbers. */
function expression(text: string): Dim | undefined {
  const terms = text.split('+').map((term) => {
    const factors = term.split('*').map((factor) => {
      const trimmed = factor.trim()
      if (/^\d+$/.test(trimmed)) return Number(trimmed)
      return /^[A-Za-z_]\w*$/.test(trimmed) ? dim(trimmed) : undefined
    })
    return factors.every((factor) => factor !== undefined) ? factors.reduce<Dim>(multiplyDims, 1) : undefined
  })
  return terms.every((term) => term !== undefined) ? terms.reduce<Dim>(addDims, 0) : undefined
}
