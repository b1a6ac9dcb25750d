// `thaw trade-offs` as a user runs it: the table on stdout, the page in the folder, and errors before anything is computed.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandError, thaw } from '../testing/command.js'
import { inToyWorkplace } from '../testing/toy.js'

test('two schemes on a toy: table and page; again, nothing is done twice', () =>
  inToyWorkplace(async (cwd) => {
    const args = [
      'trade-offs',
      'lm',
      '--train',
      'train.jsonl',
      '--schemes',
      'head-only,frozen',
      '--seeds',
      '1',
      '--epochs',
      '1',
      '--threads',
      '1',
      '--out',
      'out',
    ]
    const { code, stdout, stderr } = await thaw(args, { cwd })
    assert.equal(code, 0, stderr)
    assert.match(stdout, /scheme +trained +share +stored +time +memory +validation +rate\n[─ ]+\nhead-only +51 .*\nfrozen +55 /)
    assert.match(stderr, /1 of 2 +head-only, seed 1: validation \d/)
    assert.match(await readFile(join(cwd, 'out', 'trade-offs.html'), 'utf8'), /<h1>Trade-offs of adaptation<\/h1>/)
    const again = await thaw(args, { cwd })
    assert.match(again.stderr, /runs that are in the folder are not done again/)
    assert.equal(again.stdout, stdout)
  }))

test('what is wrong is said', async () => {
  assert.match(await commandError(['trade-offs', 'lm', '--out', 'x']), /required option '--train <file>' not specified/)
  await inToyWorkplace(async (cwd) => {
    const error = (...more: string[]) =>
      commandError(['trade-offs', join(cwd, 'lm'), '--train', join(cwd, 'train.jsonl'), '--out', join(cwd, 'x'), ...more])
    assert.equal(await error('--strengths', 'l2-sp=strong'), '--strengths l2-sp=strong: expected a number above 0')
    assert.match(await error('--schemes', 'lora', '--strengths', 'lora=10'), /^lora: it has no strength that could be 10/)
  })
})
