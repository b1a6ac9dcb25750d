// The three ways in which a matrix of ours and its Hugging Face form differ: transposed (torch's Linear is [out, in]),
// cut out of columns (GPT-2 keeps query | key | value side by side), and joined again. A vector is a matrix of one row.

/** `[rows, columns]` to `[columns, rows]`, in square tiles that stay in the cache (3,072 × 768: 5 ms, row by row 16). */
export function transpose(source: Float32Array, rows: number, columns: number, target = new Float32Array(source.length)): Float32Array {
  const tile = 32
  for (let r0 = 0; r0 < rows; r0 += tile) {
    const r1 = Math.min(rows, r0 + tile)
    for (let c0 = 0; c0 < columns; c0 += tile) {
      const c1 = Math.min(columns, c0 + tile)
      for (let c = c0; c < c1; c++) for (let r = r0; r < r1; r++) target[c * rows + r] = source[r * columns + c]!
    }
  }
  return target
}

/** Part `part` of a matrix `[rows, parts · width]` that is cut into `parts` blocks of columns: `[rows, width]`. */
export function takeColumns(source: Float32Array, rows: number, part: number, parts: number): Float32Array {
  const width = source.length / rows / parts
  const taken = new Float32Array(rows * width)
  for (let r = 0; r < rows; r++) {
    const at = (r * parts + part) * width
    taken.set(source.subarray(at, at + width), r * width)
  }
  return taken
}

/** The inverse of `takeColumns`: `[rows, width]` matrices side by side. */
export function joinColumns(sources: readonly Float32Array[], rows: number): Float32Array {
  const width = sources[0]!.length / rows
  const joined = new Float32Array(rows * width * sources.length)
  for (let r = 0; r < rows; r++) {
    for (const [part, source] of sources.entries()) {
      joined.set(source.subarray(r * width, (r + 1) * width), (r * sources.length + part) * width)
    }
  }
  return joined
}
