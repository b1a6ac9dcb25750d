import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseRegularization, tfidfClassifier } from './classifier.js'
import { stratifiedFolds } from './folds.js'
import { minimize } from './lbfgs.js'
import { fitLogistic } from './logistic.js'
import { fitTfidf, words } from './tfidf.js'

// Questions made of templates: the class is in the question word and, for What, in the noun.
const people = ['Hamlet', 'Elsinore', 'the telephone', 'Denmark', 'the first novel', 'a sonnet', 'the bridge', 'a play']
const train = people.flatMap((thing) => [
  { text: `Who wrote ${thing} ?`, label: 'HUM' },
  { text: `What man saw ${thing} ?`, label: 'HUM' },
  { text: `Where is ${thing} ?`, label: 'LOC' },
  { text: `What city has ${thing} ?`, label: 'LOC' },
  { text: `When was ${thing} built ?`, label: 'NUM' },
])

test('learns, and gives every label a probability', () => {
  const model = tfidfClassifier(train, { regularization: 30 })
  assert.deepEqual(model.labels, ['HUM', 'LOC', 'NUM'])
  assert.equal(model.predict('Who saw the moon ?')[0]!.label, 'HUM')
  assert.equal(model.predict('What city was it ?')[0]!.label, 'LOC')
  const scores = model.predict('When ?')
  assert.equal(scores[0]!.label, 'NUM')
  assert.ok(Math.abs(scores.reduce((total, { score }) => total + score, 0) - 1) < 1e-12)
})

test('a text without a known word gets the prior', () => {
  const scores = tfidfClassifier(train, { regularization: 30 }).predict('zzz')
  assert.equal(scores.length, 3)
  assert.ok(scores.every(({ score }) => score > 0 && score < 1))
})

test('the choice of C is repeatable and independent of the order', () => {
  const first = chooseRegularization(train, { seed: 3 })
  assert.deepEqual(chooseRegularization([...train].reverse(), { seed: 3 }).accuracies, first.accuracies)
  assert.deepEqual(
    first.accuracies.map(({ regularization }) => regularization),
    [1, 10, 100, 1000],
  )
  assert.ok(Math.max(...first.accuracies.map(({ accuracy }) => accuracy)) > 0.9)
})

test('two examples are enough not to fail', () => {
  const model = tfidfClassifier([
    { text: 'Who wrote Hamlet ?', label: 'HUM' },
    { text: 'Where is Elsinore ?', label: 'LOC' },
  ])
  assert.equal(model.predict('Who is it ?')[0]!.label, 'HUM')
})

test('folds are even within each label, and duplicates share one', () => {
  const examples = [...train, { text: '  WHO wrote hamlet ?', label: 'LOC' }]
  const fold = stratifiedFolds(examples, 4, 1)
  assert.equal(fold.at(-1), fold[0])
  for (const label of ['HUM', 'LOC', 'NUM']) {
    const sizes = [0, 1, 2, 3].map((k) => train.filter((example, i) => example.label === label && fold[i] === k).length)
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `${label}: ${sizes}`)
  }
  assert.notDeepEqual(stratifiedFolds(examples, 4, 2), fold)
})

test('TF-IDF against the formula', () => {
  assert.deepEqual(words("What 's naïve-Bayes?"), ['what', "'", 's', 'naïve', '-', 'bayes', '?'])
  const tfidf = fitTfidf(['a cat', 'a dog', 'a cat cat'], { ngrams: 1 })
  const { values } = tfidf.vector('a cat cat unknown')
  const [a, cat] = [1, 2 * (Math.log(4 / 3) + 1)]
  const length = Math.hypot(a, cat)
  assert.ok(Math.abs(values[0]! - a / length) < 1e-15 && Math.abs(values[1]! - cat / length) < 1e-15)
  assert.equal(fitTfidf(['a cat', 'a dog'], { ngrams: 2 }).width, 5)
  assert.equal(fitTfidf(['a cat', 'a dog'], { ngrams: 2, minDocumentFrequency: 2 }).width, 1)
})

test('L-BFGS finds the minimum of a badly scaled quadratic, at once where it is told the scales', () => {
  const bends = Float64Array.from({ length: 20 }, (_, i) => 10 ** (i / 8))
  const bowl = (at: Float64Array, gradient: Float64Array) => {
    for (const [i, bend] of bends.entries()) gradient[i] = bend * (at[i]! - i)
    return bends.reduce((value, bend, i) => value + (bend * (at[i]! - i) ** 2) / 2, 0)
  }
  for (const [curvature, most] of [
    [undefined, 150],
    [bends, 3],
  ] as const) {
    const x = new Float64Array(20)
    const found = minimize(x, bowl, { tolerance: 1e-7, iterations: most, curvature })
    assert.ok(found.converged, `${found.iterations} iterations`)
    assert.ok(x.every((entry, i) => Math.abs(entry - i) < 1e-6))
  }
})

test('at the optimum the regularized gradient is zero', () => {
  // One feature, two classes, symmetric data: w solves w/C = n(1 − σ(2w)), W = [−w, w].
  const data = { rows: 2, width: 1, starts: Int32Array.of(0, 1, 2), columns: Int32Array.of(0, 0), values: Float64Array.of(-1, 1) }
  const [left, right, ...bias] = fitLogistic(data, [0, 1], 2, 2, { tolerance: 1e-10 })
  assert.ok(Math.abs(left! + right!) < 1e-8)
  assert.ok(Math.abs(right! / 2 - 2 * (1 - 1 / (1 + Math.exp(-2 * right!)))) < 1e-8)
  assert.ok(bias.every((entry) => Math.abs(entry) < 1e-8))
})

test('errors say what is wrong', () => {
  assert.throws(() => tfidfClassifier([{ text: 'a', label: 'x' }]), {
    message: 'tfidfClassifier: 1 training examples with labels: only "x"; at least two different labels are needed',
  })
  assert.throws(() => tfidfClassifier(train, { regularization: 0 }), {
    message: 'tfidfClassifier: regularization is 0, expected a number above 0 (C, the inverse strength)',
  })
  assert.throws(() => tfidfClassifier(train, { ngrams: 0 }), { message: 'tfidfClassifier: ngrams is 0, expected a whole number of words from 1' })
  const wide = { rows: 0, width: 1e7, starts: new Int32Array(1), columns: new Int32Array(0), values: new Float64Array(0) }
  assert.throws(() => fitLogistic(wide, [], 3, 1), {
    message:
      'tfidfClassifier: 10000000 features × 3 labels are 30000003 weights, more than 30,000,000; raise minDocumentFrequency or set ngrams to 1',
  })
})
