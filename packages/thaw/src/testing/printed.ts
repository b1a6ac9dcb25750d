// Programs that commands print to be copied, run as a reader would.

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Runs the JavaScript program in what was printed, with texts in the places that it leaves for them, and transformers.js from where the tests find it. */
export async function runPrinted(stdout: string, cwd: string, texts: readonly string[]): Promise<string> {
  const program = stdout
    .slice(stdout.indexOf('  import '))
    .replace("'@huggingface/transformers'", JSON.stringify(import.meta.resolve('@huggingface/transformers')))
  await writeFile(
    join(cwd, 'printed.mjs'),
    texts.reduce((text, word) => text.replace("'…'", JSON.stringify(word)), program),
  )
  return (await run(process.execPath, ['printed.mjs'], { cwd })).stdout
}
