// The real data and published models that benchmarks read. They are large and stay outside the repository; bench/README.md says what each benchmark needs.
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { readDocuments } from 'thaw'
import { repositoryRoot } from './folders.js'

function folder(variable: string, fallback: string, what: string): string {
  const given = process.env[variable]
  const path = given ? resolve(given) : resolve(repositoryRoot, fallback)
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path
  const place = given ? `${variable} is set to ${path}, which is not a folder` : `there is no folder ${path}`
  throw new Error(
    `This benchmark reads ${what}, but ${place}. Set ${variable} to the folder that has them (bench/README.md lists what each benchmark needs).`,
  )
}

/** The folder of data sets: THAW_DATA, or ../shared/data beside the repository. Throws where it is absent, saying how to name it. */
export const dataFolder = (): string => folder('THAW_DATA', '../shared/data', 'data sets')

/** The folder of published models: THAW_MODELS, or ../shared/models beside the repository. Throws where it is absent, saying how to name it. */
export const modelsFolder = (): string => folder('THAW_MODELS', '../shared/models', 'published models')

/** Articles of Wikipedia's last part, which no checkpoint of the repository was trained on: the first ones, until they have more than so many characters. */
export const heldOutWikipedia = (characters: number): Promise<string[]> => articles('wiki-16', characters)

/** Articles of Wikipedia's first part, which the checkpoints of the repository were trained on. */
export const learntWikipedia = (characters: number): Promise<string[]> => articles('wiki-00', characters)

async function articles(part: string, characters: number): Promise<string[]> {
  const texts: string[] = []
  let read = 0
  for await (const { text } of readDocuments([`${dataFolder()}/wiki/${part}.txt.br`], { documents: 'articles' })) {
    texts.push(text)
    read += text.length
    if (read > characters) break
  }
  return texts
}
