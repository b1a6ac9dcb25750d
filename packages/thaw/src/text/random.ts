// Seeded randomness for everything that shuffles, samples or initialises on the host: one small generator, and a permutation that needs
// no array. A run is a function of its seed; `Math.random` is used nowhere.
// Sources: xoshiro128** (Blackman & Vigna 2018); its state and all hashes through a multiply-xorshift mixer (constants of hash-prospector, Wellons
// 2018 ff.); permutation: Black & Rogaway 2002, "Ciphers with Arbitrary Finite Domains" (a generalised Feistel network over Z_a × Z_b, cycle walking).

/** A generator with state. The same seed gives the same sequence on every machine. */
export interface Random {
  /** Uniform in [0, 1), 53 bits. */
  next(): number
  /** Uniform in {0, …, n − 1}; `n` is an integer from 1 to 2^53. */
  integer(n: number): number
  /** A shuffled copy (Fisher–Yates). */
  shuffle<T>(array: ArrayLike<T>): T[]
  /** Standard normal, mean 0 and deviation 1 (Box–Muller). */
  normal(): number
}

/** Mixes 32 bits so that every input bit reaches every output bit (a bijection of the 32-bit integers). */
export function mix32(value: number): number {
  let x = value | 0
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
  return (x ^ (x >>> 15)) >>> 0
}

/** One 32-bit hash of several integers (each up to 2^53): the seed of a part from the run's seed, as in `hash(seed, epoch)`. */
export function hash(...values: number[]): number {
  let state = 0x9e3779b9
  for (const value of values) {
    state = mix32(state ^ (value >>> 0))
    state = mix32((state + Math.floor(value / 4294967296)) >>> 0)
  }
  return state
}

/**
 * A seedable generator, xoshiro128**, period 2^128 − 1.
 *
 * @example
 * const r = random(1)
 * r.shuffle(['a', 'b', 'c'])   // the same order at every run
 */
export function random(seed: number): Random {
  checkSeed(seed)
  let a = hash(seed, 1)
  let b = hash(seed, 2)
  let c = hash(seed, 3)
  let d = hash(seed, 4) | 1 // the state must not be all zeros
  let spare: number | undefined
  const bits = (): number => {
    const product = Math.imul(b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << 11) | (d >>> 21)
    return result
  }
  const next = (): number => ((bits() >>> 5) * 67108864 + (bits() >>> 6)) / 9007199254740992
  const integer = (n: number): number => {
    if (!Number.isSafeInteger(n) || n < 1) throw new RangeError(`random.integer(n): expected an integer n of at least 1; got ${n}`)
    return Math.floor(next() * n)
  }
  return {
    next,
    integer,
    shuffle<T>(array: ArrayLike<T>): T[] {
      const copy = Array.from(array)
      for (let i = copy.length - 1; i > 0; i--) {
        const j = integer(i + 1)
        const held = copy[i]!
        copy[i] = copy[j]!
        copy[j] = held
      }
      return copy
    },
    normal(): number {
      if (spare !== undefined) {
        const value = spare
        spare = undefined
        return value
      }
      const radius = Math.sqrt(-2 * Math.log(1 - next()))
      const angle = 2 * Math.PI * next()
      spare = radius * Math.sin(angle)
      return radius * Math.cos(angle)
    },
  }
}

const ROUNDS = 8

/**
 * A permutation of 0 … n − 1 as a function: no array, O(1) a call (eight hashes, 0.2 µs), so an order over 10^9 windows costs nothing and can be entered
 * anywhere. `permutation(n, seed)(i)` is the i-th element of the shuffled order.
 *
 * The index is split as i = l·b + r over Z_a × Z_b with a·b slightly above n; each round adds a hash of one part to the other, which is
 * a bijection; a result ≥ n walks on until it falls inside.
 *
 * @example
 * const order = permutation(4, 1)
 * [0, 1, 2, 3].map(order)   // each of 0, 1, 2, 3 once
 */
export function permutation(n: number, seed: number): (index: number) => number {
  if (!Number.isSafeInteger(n) || n < 1) throw new RangeError(`permutation(n, seed): expected an integer n of at least 1; got ${n}`)
  checkSeed(seed)
  const a = Math.ceil(Math.sqrt(n))
  const b = Math.ceil(n / a)
  const keys = Array.from({ length: ROUNDS }, (_, round) => hash(seed, round, n))
  return (index) => {
    if (!Number.isInteger(index) || index < 0 || index >= n)
      throw new RangeError(`permutation of ${n}: expected an index from 0 to ${n - 1}; got ${index}`)
    let value = index
    do {
      let left = Math.floor(value / b)
      let right = value - left * b
      for (let round = 0; round < ROUNDS; round += 2) {
        left = (left + mix32(keys[round]! ^ right)) % a
        right = (right + mix32(keys[round + 1]! ^ left)) % b
      }
      value = left * b + right
    } while (value >= n)
    return value
  }
}

function checkSeed(seed: number): void {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`seed: expected an integer; got ${seed}`)
}
