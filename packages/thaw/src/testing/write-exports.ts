// What bench/peers/make_export_fixtures.py reads: `node packages/thaw/dist/testing/write-exports.js FOLDER` exports the classifiers of classifiers.ts
// for transformers, each into a folder of its own, and prints the texts.

import { join } from 'node:path'
import { exportCheckpoint } from '../export/index.js'
import { familyPoolings, familyTexts, writeFamilyClassifier } from './classifiers.js'

const folder = process.argv[2]!
for (const [family, pooling] of familyPoolings) {
  const name = `${family}-${pooling}`
  await writeFamilyClassifier(join(folder, 'classifiers', name), family, pooling)
  await exportCheckpoint(join(folder, 'classifiers', name), { to: 'safetensors', out: join(folder, 'exports', name) })
}
process.stdout.write(JSON.stringify(familyTexts))
