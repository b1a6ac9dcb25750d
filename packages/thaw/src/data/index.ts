// Labelled data: read, split, sample, describe.
export { type Dataset, readSst2, readTrec } from './datasets.js'
export { type Example, sameText } from './example.js'
export { formatStatistics } from './format-statistics.js'
export {
  type DataFormat,
  type DataRecord,
  type ReadExamples,
  type ReadExamplesOptions,
  readExamples,
  readLines,
  type Understood,
} from './read-examples.js'
export { type SplitOptions, split, subset } from './split.js'
export { type DataStatistics, type SplitName, type SplitStatistics, statistics } from './statistics.js'
