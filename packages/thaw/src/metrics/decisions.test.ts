// Several labels, thresholds, failed runs: against counts by hand and a brute-force reference.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classificationReport } from './classification.js'
import { degenerateRuns, majorityShare } from './degenerate.js'
import { multiLabelReport, setLoss, worstSets } from './multi-label.js'
import { classThresholds, decide, labelThresholds, reached, steadyThresholds } from './thresholds.js'

const labels = ['a', 'b', 'c']

test('several labels: micro-F1, macro-F1 and subset accuracy, counted by hand', () => {
  const report = multiLabelReport([[0, 1], [1], [], [2, 0]], [[0], [1], [1], [0, 2]], labels)
  // a: 2 hits of 2 and 2; b: 1 hit, 2 true, 2 said; c: 1 of 1 and 1
  assert.deepEqual(
    report.classes.map(({ f1, precision, recall, support, predicted }) => [f1, precision, recall, support, predicted]),
    [
      [1, 1, 1, 2, 2],
      [0.5, 0.5, 0.5, 2, 2],
      [1, 1, 1, 1, 1],
    ],
  )
  assert.equal(report.accuracy, 0.5) // the second and the fourth, in any order
  assert.equal(report.microF1, (2 * 4) / (5 + 5))
  assert.ok(Math.abs(report.macroF1 - 2.5 / 3) < 1e-12)
  const nothing = multiLabelReport([[], []], [[], []], labels)
  assert.deepEqual([nothing.accuracy, nothing.microF1, nothing.macroF1], [1, 0, 0])
  assert.throws(() => multiLabelReport([[]], [], labels), {
    message: 'multiLabelReport: truth has 1 examples, predicted has 0; pass one set for each example',
  })
})

test('with one label each it agrees with the report of one label', () => {
  const [truth, predicted] = [
    [0, 1, 2, 2, 1, 0],
    [0, 2, 2, 2, 1, 1],
  ]
  const [one, many] = [
    classificationReport(truth!, predicted!, labels),
    multiLabelReport(
      truth!.map((k) => [k]),
      predicted!.map((k) => [k]),
      labels,
    ),
  ]
  assert.deepEqual(many.classes, one.classes)
  assert.equal(many.accuracy, one.accuracy)
  assert.ok(Math.abs(many.microF1 - one.accuracy) < 1e-12 && many.macroF1 === one.macroF1)
})

test('a label’s threshold has the best F1 of all thresholds, and is a half where that is as good', () => {
  let state = 7
  const next = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return state / 2 ** 32
  }
  for (let round = 0; round < 30; round++) {
    const probabilities = Array.from({ length: 12 }, () => [Math.round(20 * next()) / 20])
    const truth = probabilities.map(([p]) => (next() < p! * 0.6 ? [0] : []))
    const [threshold] = labelThresholds(probabilities, truth, 1)
    const f1 = (t: number) =>
      multiLabelReport(
        truth,
        probabilities.map(([p]) => (p! >= t ? [0] : [])),
        ['a'],
      ).microF1
    const best = Math.max(...Array.from({ length: 101 }, (_, i) => f1(i / 100)))
    if (truth.some((set) => set.length > 0))
      assert.ok(f1(threshold!) >= best - 1e-12, `round ${round}: ${f1(threshold!)} at ${threshold}, best ${best}`)
    else assert.equal(threshold, 0.5)
  }
  assert.deepEqual(labelThresholds([[0.9], [0.1]], [[0], []], 1), [0.5])
})

test('a threshold of few examples stays near a half, one of many where it is best; a label is said from its threshold on', () => {
  const one = (positives: number) => {
    const rows = Array.from({ length: 2 * positives }, (_, i) => [i < positives ? 0.1 : 0.001])
    return steadyThresholds(
      rows,
      rows.map((_, i) => (i < positives ? [0] : [])),
      1,
    )[0]!
  }
  // 0.0505 is in the middle between both kinds
  assert.ok(Math.abs(one(1) - (0.0505 + 0.5) / 2) < 1e-12)
  assert.ok(Math.abs(one(99) - (99 * 0.0505 + 0.5) / 100) < 1e-12)
  assert.deepEqual(steadyThresholds([[0.3]], [[]], 1), [0.5])
  assert.deepEqual(reached([0.5, 0.49, 0.9]), [2, 0])
  assert.deepEqual(reached([0.5, 0.3, 0.9], [0.6, 0.3, 0.95]), [1])
})

test('the worst sets: only wrong ones, by the loss of all decisions', () => {
  const rows = [
    [0.9, 0.2],
    [0.6, 0.6],
    [0.01, 0.99],
    [1, 0],
  ]
  const truth = [[0], [0], [0], [0]]
  const said = rows.map((row) => reached(row))
  assert.ok(Math.abs(setLoss(rows[1]!, [0]) + Math.log(0.6) + Math.log(0.4)) < 1e-12)
  assert.equal(setLoss(rows[3]!, [0]), 0)
  assert.ok(Number.isFinite(setLoss(rows[3]!, [1])))
  const worst = worstSets(['a', 'b', 'c', 'd'], truth, rows, said, 5)
  assert.deepEqual(
    worst.map(({ example, truth, predicted }) => [example, truth, predicted]),
    [
      ['c', [0], [1]],
      ['b', [0], [0, 1]],
    ],
  )
  assert.equal(worstSets(['a', 'b', 'c', 'd'], truth, rows, said, 1).length, 1)
})

test('thresholds for one label raise macro-F1 of unbalanced classes, and change nothing where nothing is gained', () => {
  // a rare class is never the largest
  const probabilities = [
    [0.9, 0.1],
    [0.8, 0.2],
    [0.7, 0.3],
    [0.6, 0.4],
    [0.55, 0.45],
  ]
  const truth = [0, 0, 0, 1, 1]
  const score = (predicted: readonly number[]) => classificationReport(truth, predicted, ['x', 'y']).macroF1
  const thresholds = classThresholds(probabilities, 2, score)
  assert.equal(score(probabilities.map((row) => decide(row, thresholds))), 1)
  assert.ok(score(probabilities.map((row) => decide(row))) < 0.5)
  assert.deepEqual(
    classThresholds(
      [
        [0.9, 0.1],
        [0.2, 0.8],
      ],
      2,
      (predicted) => classificationReport([0, 1], predicted, ['x', 'y']).macroF1,
    ),
    [1, 1],
  )
})

test('failed runs: at or below the commonest class, or far below the others', () => {
  assert.deepEqual(degenerateRuns([0.91, 0.93, 0.23, 0.92], 0.23), [undefined, undefined, 'majority', undefined])
  assert.deepEqual(degenerateRuns([0.91, 0.93, 0.55, 0.92, 0.9], 0.23), [undefined, undefined, 'outlier', undefined, undefined])
  // 8 points below is a bad run, not a failed one; two runs have no median to be far from
  assert.deepEqual(degenerateRuns([0.91, 0.93, 0.84, 0.92], 0.23), [undefined, undefined, undefined, undefined])
  assert.deepEqual(degenerateRuns([0.9, 0.5], 0.3), [undefined, undefined])
  // runs that all spread widely are not outliers of each other
  assert.deepEqual(degenerateRuns([0.5, 0.6, 0.7, 0.8, 0.9], 0.3).filter(Boolean), [])
  assert.deepEqual(degenerateRuns([1, 1], 1), [undefined, undefined])
  assert.equal(majorityShare(['x', 'y', 'x', 'x']), 0.75)
})
