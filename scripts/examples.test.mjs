// Every example runs and prints what the documentation says it prints; the documentation shows the examples as they are.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { asComment, exampleNames, exampleParts, handsOnNames, pages, runExample, withExamples } from './example.mjs'
import { read } from './sources.mjs'

/** Numbers may differ by a tenth: another CPU adds in another order, and a few steps of training make more of it. Words may not differ. */
function assertSamePrint(printed, expected) {
  const number = /\d+(?:\.\d+)?(?:e[+-]?\d+)?/g
  assert.equal(printed.replaceAll(number, 'N'), expected.replaceAll(number, 'N'))
  const [ours, theirs] = [printed, expected].map((text) => (text.match(number) ?? []).map(Number))
  ours.forEach((value, i) => {
    assert.ok(Math.abs(value - theirs[i]) <= 0.1 * Math.max(value, theirs[i]) + 0.05, `${value} instead of ${theirs[i]} in\n${printed}`)
  })
}

for (const name of exampleNames())
  test(`example ${name}`, () => {
    const { printed } = exampleParts(name)
    assert.notEqual(printed, '', `examples/${name}.ts does not say what it prints: npm run docs`)
    assertSamePrint(asComment(runExample(name)), printed)
  })

for (const name of handsOnNames())
  test(`${name}: runs with --quick, and says what the slide says and what was measured`, () => {
    const printed = runExample(name, ['--quick'])
    assert.match(printed, /^slide: {4}\S.*\nmeasured: .*\d/m)
    assert.doesNotMatch(printed, /NaN|undefined/)
  })

test('the tutorial has six hands-on parts', () => {
  assert.deepEqual(
    handsOnNames(),
    [1, 2, 3, 4, 5, 6].map((n) => `hands-on-${n}`),
  )
})

test('the documentation shows the examples as they are', () => {
  const shown = new Set()
  for (const page of pages()) {
    const text = read(page)
    assert.equal(text, withExamples(text), `${page} shows an older form of an example: npm run docs`)
    for (const [, name] of text.matchAll(/<!-- example (\S+) -->/g)) shown.add(name)
    // a fragment is no program: it stands for a place in one that a test of its package runs, and says so
    const programs = [...text.matchAll(/^```(?:ts|js)$/gm)].length
    assert.equal(programs, [...text.matchAll(/^<!-- (?:example \S+|fragment) -->\n```(?:ts|js)$/gm)].length, `${page}: a program that no test runs`)
  }
  assert.deepEqual(
    exampleNames().filter((name) => !shown.has(name)),
    [],
  )
})

test("the README's program is plain JavaScript, so that it can be pasted into a file", () => {
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--check', '-'], {
    input: exampleParts('questions').program,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
})

test('another number is noticed, another word too', () => {
  assertSamePrint('loss 0.42, 12 of 24', 'loss 0.44, 12 of 24')
  assert.throws(() => assertSamePrint('loss 0.42', 'loss 0.62'), /0.42 instead of 0.62/)
  assert.throws(() => assertSamePrint('person 0.9', 'place 0.9'))
})
