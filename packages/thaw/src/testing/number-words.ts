// A toy translation: numbers said backwards. `3 1 4` is `four one three`: the order turns round and the vocabulary changes.
import type { TextPair } from '../adapt/index.js'
import { random } from '../text/random.js'

const words = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']

/** Pairs of 2 to 4 digits, all different. */
export function numberPairs(n: number, seed = 1): TextPair[] {
  const { integer } = random(seed)
  const pairs = new Map<string, string>()
  while (pairs.size < n) {
    const digits = Array.from({ length: 2 + integer(3) }, () => integer(10))
    pairs.set(
      digits.join(' '),
      digits
        .toReversed()
        .map((digit) => words[digit])
        .join(' '),
    )
  }
  return [...pairs].map(([source, target]) => ({ source, target }))
}

/** Running text in both vocabularies: counting up and down from anywhere. */
export function numberText(lines: number, seed = 1): string {
  const { integer } = random(seed)
  return Array.from({ length: lines }, () => {
    const [start, step, spoken] = [integer(10), integer(2) === 0 ? 1 : 9, integer(2) === 0]
    return Array.from({ length: 6 }, (_, i) => (spoken ? words[(start + i * step) % 10] : (start + i * step) % 10)).join(' ')
  }).join('\n')
}
