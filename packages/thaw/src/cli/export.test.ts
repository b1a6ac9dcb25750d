// `thaw export` as a user runs it.

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../testing/checkpoints.js'
import { writeFamilyClassifier } from '../testing/classifiers.js'
import { commandError, thaw } from '../testing/command.js'
import { runPrinted } from '../testing/printed.js'

test('ONNX in two types: files with their sizes, and the program that runs them', () =>
  inFolder(async (cwd) => {
    await writeFamilyClassifier(join(cwd, 'trec'), 'bert', 'first')
    const args = ['export', 'trec', '--to', 'onnx', '--dtype', 'fp32,int8', '--out', 'out']
    const { code, stdout, stderr } = await thaw(args, { cwd })
    assert.deepEqual([code, stderr], [0, ''])
    const sized = stdout.replace(/ +\d+\.\d kB/g, ' N kB')
    assert.match(sized, /out\/onnx\/model\.onnx N kB\nout\/onnx\/model_quantized\.onnx N kB\n/)
    assert.match(stdout, /pipeline\('text-classification', "out", \{ dtype: 'fp32' \}\)/)
    assert.match(await runPrinted(stdout, cwd, ['w3 w4']), /label: '[abc]'/)
    const smaller = await thaw(['export', 'trec', '--to', 'onnx', '--dtype', 'int8,fp16', '--out', join(cwd, 'deep', 'er')], { cwd })
    assert.match(smaller.stdout, /"er", \{ dtype: 'q8' \}\)/)
    assert.match(await runPrinted(smaller.stdout, cwd, ['w3 w4']), /label: '[abc]'/)
    const again = await thaw(args, { cwd })
    assert.deepEqual(
      [again.code, again.stderr],
      [1, 'thaw: --out out: there is a checkpoint in this folder; replace it with --overwrite, or name another folder\n'],
    )
    assert.equal((await thaw([...args, '--overwrite'], { cwd })).code, 0)
  }))

test('safetensors: the class to load it with, or why there is none', () =>
  inFolder(async (cwd) => {
    await writeFamilyClassifier(join(cwd, 'first'), 'bert', 'first')
    const { code, stdout, stderr } = await thaw(['export', 'first', '--to', 'safetensors', '--out', 'out'], { cwd })
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /model = BertForSequenceClassification\.from_pretrained\("out"\)/)
    await writeFamilyClassifier(join(cwd, 'mean'), 'bert', 'mean')
    const mean = await thaw(['export', 'mean', '--to', 'safetensors', '--out', 'out2'], { cwd })
    assert.equal(
      mean.stderr,
      'the classifier as a whole cannot be loaded by transformers: the head reads the text by pooling mean; BertForSequenceClassification reads the first token\n' +
        'transformers loads the backbone alone (BertModel); the head is in model.safetensors as heads.classification.weight [8, 3] and .bias\n',
    )
    assert.match(mean.stdout, /Thaw itself reads the folder too: thaw predict out2 "…"/)
    assert.equal((await thaw(['predict', 'out2', 'w3 w4'], { cwd })).code, 0)
  }))

test('what cannot be exported says why', () =>
  inFolder(async (cwd) => {
    await writeFamilyClassifier(join(cwd, 'trec'), 'bert', 'first')
    const fails = async (args: string[], message: string) => assert.equal(await commandError(['export', ...args]), message)
    const [trec, out] = [join(cwd, 'trec'), join(cwd, 'out')]
    await fails([trec, '--to', 'onnx', '--dtype', 'fp8', '--out', out], 'export: dtype "fp8": expected one or several of fp32, fp16, int8')
    await fails(
      [trec, '--to', 'safetensors', '--dtype', 'int8', '--out', out],
      'export to safetensors: dtype int8: expected fp32 or fp16, one of them; int8 is for ONNX',
    )
    await fails([trec, '--to', 'onnx', '--out', trec, '--overwrite'], `${trec}: this is the checkpoint itself; export to another folder`)
    mkdirSync(out)
    writeFileSync(join(out, 'notes.txt'), 'x')
    await fails(
      [trec, '--to', 'onnx', '--out', out, '--overwrite'],
      `--out ${out}: the folder holds something that is no checkpoint (notes.txt); name another one`,
    )
    assert.match(
      await commandError(['export', trec, '--to', 'gguf', '--out', out]),
      /argument 'gguf' is invalid\. Allowed choices are safetensors, onnx, adapter\./,
    )
    assert.match(await commandError(['export', trec, '--out', out]), /required option '--to <format>' not specified/)
  }))
