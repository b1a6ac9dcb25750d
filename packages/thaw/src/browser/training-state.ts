// The state and the record of a training run (see train/state.ts, log/run-log.ts) live in a folder, and a page has none: a run in a page
// cannot be resumed.

import type * as log from '../log/run-log.js'
import type * as spill from '../train/spill-file.js'
import type * as state from '../train/state.js'

const refuse = (folder: string): never => {
  throw new Error(`${folder}: a page has no folders to keep a training run's state and record in; leave the folder out, or train in Node`)
}

/** @throws always. */
export const saveTrainingState: typeof state.saveTrainingState = async (folder) => refuse(folder)
/** @throws always. */
export const loadTrainingState: typeof state.loadTrainingState = async (folder) => refuse(folder)
/** @throws always. */
export const removeTrainingState: typeof state.removeTrainingState = async (folder) => refuse(folder)
/** @throws always. */
export const runLog: typeof log.runLog = (folder) => refuse(folder)
/** With nothing saved there is nothing to compare with. */
export const digest: typeof state.digest = () => ''
/** What does not fit into memory is computed anew. */
export const hasDisk: typeof spill.hasDisk = false
/** @throws always. */
export const spillFile: typeof spill.spillFile = async () => {
  throw new Error('a page has no files to go on to where memory ends')
}
