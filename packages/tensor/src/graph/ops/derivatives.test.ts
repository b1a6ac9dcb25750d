// The gradient of every operation, and the gradient of that gradient, against finite differences, on every executor.

import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { checkDerivatives } from '../../testing/derivatives.js'
import { onEachExecutor } from '../../testing/executors.js'
import { operationCases } from '../../testing/operations.js'

const cases = operationCases(readFileSync(new URL('../../../fixtures/ops.json', import.meta.url), 'utf8'))

/** At these points there is a gradient by convention, and no derivative that differences could show. */
const singular = ['pow: zeros', 'norm: a row of zeros']

await onEachExecutor('derivatives against finite differences', (executor) => {
  for (const stored of cases) {
    const name = `${stored.op}: ${stored.name}`
    if (stored.gradients.length > 0 && !singular.includes(name)) test(name, () => checkDerivatives(executor, stored))
  }
})
