// Where the benchmarks' own files are: the repository, its bench folder, the results, the Python side.
import { fileURLToPath } from 'node:url'

/** The repository's root; this file runs compiled, in bench/dist. */
export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '')
export const resultsFolder = `${repositoryRoot}/bench/results`
export const peersFolder = `${repositoryRoot}/bench/peers`
/** The checkpoints that come with the repository. */
export const packaged = {
  causal: `${repositoryRoot}/packages/wiki-causal`,
  masked: `${repositoryRoot}/packages/wiki-masked`,
}
