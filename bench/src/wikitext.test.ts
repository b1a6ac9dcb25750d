import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detokenize, wikitextWords } from './wikitext.js'

test('WikiText lines become text again', () => {
  assert.equal(detokenize(' It was 1 @,@ 200 @.@ 5 m long , or not ? '), 'It was 1,200.5 m long, or not?')
  assert.equal(
    detokenize(' The well @-@ known " Cats " ( 1981 ) \'s success ; it did n\'t end . '),
    'The well-known "Cats" (1981)\'s success; it didn\'t end.',
  )
})

test('words are counted with an end mark a line', () => {
  assert.equal(wikitextWords(' \n = Title = \n \n a b c \n'), 1 + 4 + 1 + 4)
})
