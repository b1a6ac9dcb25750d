import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeText, textStream } from './encoding.js'

test('UTF-8 cut anywhere decodes to the same text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.array(fc.nat(50)), (text, cuts) => {
      const bytes = Buffer.from(text, 'utf8')
      const stream = textStream('file', 'utf-8')
      let got = ''
      let at = 0
      for (const cut of cuts) {
        got += stream.write(bytes.subarray(at, at + cut))
        at += cut
      }
      got += stream.write(bytes.subarray(at)) + stream.end()
      assert.equal(got, text.replace(/^\ufeff/, ''))
    }),
  )
})

test('the first invalid byte is named with line and position, wherever the pieces are cut', () => {
  const bytes = Buffer.concat([Buffer.from('naïve\ncaf', 'utf8'), Buffer.from([0xe9, 0x20, 0x61])])
  const message = 'a.txt:2: byte 0xE9 at position 10 is not valid UTF-8; if the file has another encoding, name it, for example --encoding latin1'
  for (let cut = 0; cut <= bytes.length; cut++) {
    const stream = textStream('a.txt')
    assert.throws(() => stream.write(bytes.subarray(0, cut)) + stream.write(bytes.subarray(cut)) + stream.end(), { message })
  }
  assert.throws(() => decodeText(Buffer.from([0x61, 0xe2, 0x82]), 'b.txt'), { message: /^b\.txt:1: byte 0xE2 at position 1 / })
  assert.throws(() => decodeText(Buffer.from([0x80]), 'b.txt'), { message: /^b\.txt:1: byte 0x80 at position 0 / })
  assert.throws(() => decodeText(Buffer.from([0x61, 0xed, 0xa0, 0x80]), 'b.txt'), { message: /byte 0xED at position 1 / })
})

test('latin1 is ISO 8859-1, UTF-16 is told by its mark, a byte order mark is dropped', () => {
  assert.equal(decodeText(Buffer.from([0xe9, 0x80]), 'f', 'latin1').text, '\u00e9\u0080')
  assert.deepEqual(decodeText(Buffer.from('\ufeffé', 'utf16le'), 'f'), { text: 'é', encoding: 'utf-16le' })
  assert.equal(decodeText(Buffer.from('\ufeffa\ufeff', 'utf8'), 'f').text, 'a\ufeff')
  assert.equal(decodeText(Buffer.from([0x93]), 'f', 'windows-1252').text, '“')
})

test('an unknown or wrong encoding is named', () => {
  assert.throws(() => textStream('f', 'klingon'), {
    message: "f: unknown encoding 'klingon'; expected for example utf-8, latin1, utf-16le, windows-1252 or shift_jis",
  })
  assert.throws(() => decodeText(Buffer.from([0xff]), 'f', 'shift_jis'), {
    message: 'f: the bytes are not valid shift_jis; if the file has another encoding, name it, for example --encoding latin1',
  })
})
