// Stratified folds by seed, duplicates on one side: what selects (a regularization) must not see a copy of what it is judged on.

/**
 * A fold number in [0, folds) for each example.
 *
 * Depends on the seed and on the set of examples, not on their order. Texts that differ only in case and white space share a fold. Each label's distinct texts are
 * dealt out evenly, in the order of a seeded hash.
 */
export function stratifiedFolds(examples: readonly { text: string; label: string }[], folds: number, seed: number): Int32Array {
  const groups = new Map<string, { key: string; label: string; hash: number; members: number[] }>()
  examples.forEach(({ text, label }, index) => {
    const key = text.toLowerCase().replace(/\s+/g, ' ').trim()
    const group = groups.get(key)
    if (group) {
      group.members.push(index)
      if (label < group.label) group.label = label
    } else groups.set(key, { key, label, hash: hash(key, seed), members: [index] })
  })
  const order = [...groups.values()].sort((a, b) => compare(a.label, b.label) || a.hash - b.hash || compare(a.key, b.key))
  const fold = new Int32Array(examples.length)
  order.forEach(({ members }, position) => {
    for (const index of members) fold[index] = position % folds // dealing on across labels keeps the folds' sizes equal too
  })
  return fold
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** FNV-1a over UTF-16 units from a seeded start, then MurmurHash3's finalizer; an unsigned 32-bit number. */
function hash(text: string, seed: number): number {
  let h = (0x811c9dc5 ^ Math.imul(seed | 0, 0x9e3779b1)) | 0
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
