import assert from 'node:assert/strict'
import { test } from 'node:test'
import { charsmap } from './charsmap.js'
import { aligned, normalize, normalizeAligned } from './normalize.js'

/** A table that maps one ASCII character: root → the character → its leaf. Units as Darts-clone packs them: offset << 10 | leaf flag | label. */
function tableOf(char: string, replacement: string): string {
  const label = char.charCodeAt(0)
  const units = new Uint32Array(512)
  units[0] = 256 << 10 // the root's children begin at 256
  units[256 ^ label] = ((256 ^ label ^ 1) << 10) | 256 | label // its value is one unit away from 1, below
  units[1] = 0x80000000 // the replacement at byte 0
  const text = new TextEncoder().encode(`${replacement}\0`)
  const bytes = new Uint8Array(4 + units.byteLength + text.length)
  bytes.set(new Uint8Array(Uint32Array.of(units.byteLength).buffer), 0)
  bytes.set(new Uint8Array(units.buffer), 4)
  bytes.set(text, 4 + units.byteLength)
  return Buffer.from(bytes).toString('base64')
}

test('what is in the table is replaced, the rest stays, and the way back is kept', () => {
  const step = charsmap(tableOf('\t', '  '))
  assert.equal(normalize('a\tbé😀', [step]), 'a  bé😀')
  const { text, starts, ends } = normalizeAligned(aligned('a\tb'), [step])
  assert.deepEqual([text, [...Array.from(starts)], [...Array.from(ends)]], ['a  b', [0, 1, 1, 2], [1, 2, 2, 3]])
  assert.equal(normalize('a~b', [charsmap(tableOf('~', 'x'))]), 'axb')
})

test('a table that is cut short is refused', () => {
  const short = Buffer.from(tableOf('a', 'b'), 'base64').subarray(0, 100).toString('base64')
  assert.throws(() => charsmap(short), { message: 'tokenizer.json: normalizer.precompiled_charsmap: expected 2052 bytes or more, got 100.' })
})
