// Low-rank updates of weights as plain numbers: what a graph computes at each step (`lowRankUpdate`), computed once (LoRA: Hu et al. 2022, section 4.1).

/** W + factor · A·B as new values, summed in double precision: W [in, out], A [in, rank], B [rank, out]. */
export function plusLowRank(weight: Float32Array, a: Float32Array, b: Float32Array, rank: number, factor: number): Float32Array {
  const [inputs, outputs] = [a.length / rank, b.length / rank]
  if (inputs * outputs !== weight.length)
    throw new Error(`low-rank update: A [${inputs}, ${rank}] and B [${rank}, ${outputs}] do not fit a weight of ${weight.length} elements`)
  const sums = new Float64Array(outputs)
  const result = new Float32Array(weight.length)
  for (let i = 0; i < inputs; i++) {
    sums.fill(0)
    for (let r = 0; r < rank; r++) {
      const left = a[i * rank + r]!
      const row = r * outputs
      for (let o = 0; o < outputs; o++) sums[o]! += left * b[row + o]!
    }
    for (let o = 0; o < outputs; o++) result[i * outputs + o] = weight[i * outputs + o]! + factor * sums[o]!
  }
  return result
}
