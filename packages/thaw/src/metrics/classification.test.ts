import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classificationReport, worstMistakes } from './classification.js'
import { formatClasses, formatConfusion } from './confusion.js'

// Values of scikit-learn 1.x: precision_recall_fscore_support and accuracy_score of the same two lists, computed by hand.
const report = classificationReport([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 2], ['cat', 'dog', 'fox', 'gnu'])

test('accuracy, macro-F1 over the classes that occur, and the numbers of each class', () => {
  assert.equal(report.accuracy, 4 / 6)
  assert.deepEqual(report.classes[0], { label: 'cat', precision: 1, recall: 2 / 3, f1: 0.8, support: 3, predicted: 2 })
  assert.deepEqual(report.classes[1], { label: 'dog', precision: 0.5, recall: 0.5, f1: 0.5, support: 2, predicted: 2 })
  assert.deepEqual(report.classes[3], { label: 'gnu', precision: 0, recall: 0, f1: 0, support: 0, predicted: 0 })
  assert.ok(Math.abs(report.macroF1 - (0.8 + 0.5 + 2 / 3) / 3) < 1e-15)
  assert.deepEqual(report.confusion.slice(0, 3), [
    [2, 1, 0, 0],
    [0, 1, 1, 0],
    [0, 0, 1, 0],
  ])
})

test('the confusion matrix and the table of classes as text', () => {
  assert.equal(
    formatConfusion(classificationReport([0, 0, 1], [0, 1, 1], ['cat', 'dog'])),
    ['truth \\ predicted  cat  dog', '─────────────────  ───  ───', 'cat                  1    1', 'dog                  ·    1'].join('\n'),
  )
  assert.match(formatClasses(report), /^cat +100\.0 +66\.7 +80\.0 +3$/m)
  assert.match(formatClasses(report), /accuracy 66\.7 %, macro-F1 65\.6 %, 6 examples$/)
})

test('an empty report is zeros, not NaN', () => {
  const empty = classificationReport([], [], ['cat'])
  assert.deepEqual([empty.accuracy, empty.macroF1, empty.examples], [0, 0, 0])
})

test('the worst mistakes come by loss, right answers not at all', () => {
  const examples = ['a', 'b', 'c', 'd'].map((text) => ({ text, label: 0 }))
  const found = worstMistakes(
    examples,
    [
      [0.4, 0.6],
      [0.9, 0.1],
      [0, 1],
      [0.1, 0.9],
    ],
    2,
  )
  assert.deepEqual(
    found.map(({ example, index, truth, predicted, loss, confidence }) => [example.text, index, truth, predicted, loss, confidence]),
    [
      ['c', 2, 0, 1, Number.POSITIVE_INFINITY, 1],
      ['d', 3, 0, 1, -Math.log(0.1), 0.9],
    ],
  )
})

test('errors say what was passed', () => {
  assert.throws(() => classificationReport([0], [], ['a']), {
    message: 'classificationReport: truth has 1 examples, predicted has 0; pass one prediction for each example',
  })
  assert.throws(() => classificationReport([0], [2], ['a', 'b']), {
    message: 'classificationReport: predicted[0] is 2, expected an index into the 2 labels (a, b)',
  })
  assert.throws(() => worstMistakes([{ label: 0 }], [], 1), {
    message: 'worstMistakes: 1 examples but 0 rows of probabilities; pass one row for each example',
  })
  assert.throws(() => worstMistakes([{ label: 3 }], [[1, 0]], 1), {
    message: 'worstMistakes: examples[0].label is 3, but its row of probabilities has 2 classes',
  })
})
