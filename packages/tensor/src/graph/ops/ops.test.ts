// Every operation against PyTorch, on every executor (see testing/operations.ts).

import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { onEachExecutor } from '../../testing/executors.js'
import { checkOperation, operationCases } from '../../testing/operations.js'

const cases = operationCases(readFileSync(new URL('../../../fixtures/ops.json', import.meta.url), 'utf8'))

await onEachExecutor('operations against PyTorch', (executor) => {
  for (const stored of cases) test(`${stored.op}: ${stored.name}`, () => checkOperation(executor, stored))
})
