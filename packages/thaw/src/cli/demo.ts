// `thaw demo`: everything from raw text to adapted classifiers, in minutes, on text that comes with an npm package.

import { writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { runDemo } from '../demo/demo.js'
import { demoPage } from '../demo/page.js'
import { resultsJson } from '../demo/results.js'
import { fullPlan, quickPlan } from '../demo/settings.js'
import { summary } from '../demo/summary.js'
import { wordnetFolder } from '../demo/wordnet.js'
import { duration } from '../log/format.js'

interface Options {
  out: string
  quick?: boolean
  seed: number
  seeds: number
  threads?: number
}
