import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parameterShapes } from '../models/shapes.js'
import { inFolder, tinyBert, tinyGpt, tinyParameters, tinyTutorial } from '../testing/checkpoints.js'
import { readCheckpoint, writeCheckpoint } from './checkpoint.js'
import { loadInto } from './load-into.js'
import { readSafetensors } from './safetensors.js'
import { writeSafetensors } from './safetensors-write.js'

const heads = { 'heads.classification.weight': [4, 3], 'heads.classification.bias': [3], 'heads.mix.weight': [3] }

for (const [name, model] of Object.entries({ gpt2: tinyGpt, bert: tinyBert, thaw: tinyTutorial })) {
  test(`${name}: every parameter comes back as it was, in F32 and F16`, () =>
    inFolder(async (parent) => {
      const folder = join(parent, name)
      const parameters = tinyParameters(model, heads)
      const config = { model, labels: ['a', 'b', 'c'], thaw: { pooling: 'last' } }
      for (const dtype of ['F32', 'F16'] as const) {
        const { layout, ownNames } = await writeCheckpoint(folder, { config, parameters, dtype })
        assert.equal(layout, name)
        const own = { gpt2: Object.keys(heads), bert: Object.keys(heads), thaw: [] }
        assert.deepEqual(ownNames, own[name as keyof typeof own])
        await using checkpoint = await readCheckpoint(folder)
        assert.deepEqual(checkpoint.config, config)
        assert.equal(checkpoint.layout, name)
        assert.equal(checkpoint.parameters.size, parameters.length)
        for (const { path, shape, data } of parameters) {
          assert.deepEqual(checkpoint.parameters.get(path)?.shape, shape, path)
          assert.deepEqual(await checkpoint.parameters.get(path)?.read(), data, path)
        }
      }
      assert.deepEqual(await readdir(parent), [name])
    }))
}

test('tokenizer, further files; what is not ours stays, what is stale goes', () =>
  inFolder(async (parent) => {
    const folder = join(parent, 'x')
    const parameters = tinyParameters(tinyGpt)
    const config = { model: tinyGpt }
    const tokenizer = { save: (to: string) => writeFile(join(to, 'tokenizer.json'), '{}') }
    await writeCheckpoint(folder, { config, parameters, tokenizer, extra: { 'README.md': '# x' } })
    await mkdir(join(folder, 'onnx'))
    await writeFile(join(folder, 'metrics.jsonl'), '1')
    {
      await using checkpoint = await readCheckpoint(folder)
      assert.equal(checkpoint.tokenizerFile, join(folder, 'tokenizer.json'))
    }
    await writeCheckpoint(folder, { config, parameters })
    assert.deepEqual((await readdir(folder)).sort(), ['README.md', 'config.json', 'metrics.jsonl', 'model.safetensors'])
    await rename(folder, join(parent, '.x.old'))
    await using recovered = await readCheckpoint(folder)
    assert.equal(recovered.parameters.size, parameters.length)
    assert.equal(recovered.tokenizerFile, undefined)
  }))

test('shards are read as one; index and shards must agree', () =>
  inFolder(async (folder) => {
    await writeCheckpoint(join(folder, 'm'), { config: { model: tinyGpt }, parameters: tinyParameters(tinyGpt) })
    const from = join(folder, 'm')
    const all: Parameters<typeof writeSafetensors>[1] = await (async () => {
      await using file = await readSafetensors(join(from, 'model.safetensors'))
      return Promise.all([...file.entries].map(async ([name, { dtype, shape }]) => ({ name, dtype, shape, data: await file.read(name) })))
    })()
    const tensors = [...all]
    const shards = { 'a.safetensors': tensors.slice(0, 9), 'b.safetensors': tensors.slice(9) }
    for (const [shard, part] of Object.entries(shards)) await writeSafetensors(join(from, shard), part)
    await rm(join(from, 'model.safetensors'))
    const index = join(from, 'model.safetensors.index.json')
    const map = Object.fromEntries(Object.entries(shards).flatMap(([shard, part]) => part.map(({ name }) => [name, shard])))
    const put = (weight_map: object) => writeFile(index, JSON.stringify({ weight_map }))
    await put(map)
    {
      await using checkpoint = await readCheckpoint(from)
      const { report } = await loadInto(checkpoint, parameterShapes(tinyGpt))
      assert.deepEqual([report.missing, report.unexpected, report.ignored], [[], [], []])
    }
    const fails = async (changes: Record<string, unknown>, message: string) => {
      await put({ ...map, ...changes })
      await assert.rejects(readCheckpoint(from), { message })
    }
    const wte = 'transformer.wte.weight'
    await fails(
      { [wte]: '../b.safetensors' },
      `${index}: tensor '${wte}' is said to be in "../b.safetensors"; expected the name of a .safetensors file in the same folder`,
    )
    await fails({ [wte]: 'c.safetensors' }, `${index}: shard c.safetensors is missing in the folder. Download it too.`)
    await fails(
      { more: 'b.safetensors' },
      `${index}: tensor 'more' is not in b.safetensors; index and shards do not belong together. Download them again.`,
    )
    await writeSafetensors(join(from, 'b.safetensors'), tensors.slice(8))
    await fails({}, `${join(from, 'b.safetensors')}: tensor '${tensors[8]!.name}' is also in a.safetensors; remove one of the shards`)
  }))

test('folders that cannot be read say why', () =>
  inFolder(async (folder) => {
    const fails = (message: string) => assert.rejects(readCheckpoint(folder), { message })
    await fails(`${folder}: no config.json; this is not the folder of a checkpoint, or a part of it is missing`)
    await writeFile(join(folder, 'config.json'), '{"model_type":"gpt2"}')
    await fails(
      `${folder}: no weights; expected model.safetensors, or model.safetensors.index.json with its shards. Download or save the checkpoint again.`,
    )
    await writeFile(join(folder, 'pytorch_model.bin'), 'x')
    await fails(
      `${folder}: the weights are only there as pytorch_model.bin, a Python pickle, which runs whatever code it contains when it is read; it is not opened. Get model.safetensors of the same model, or convert it once in Python: model.save_pretrained('folder', safe_serialization=True).`,
    )
    const away = join(folder, 'away')
    await assert.rejects(readCheckpoint(away), {
      message: `${away}: there is no such folder; give the folder of a checkpoint, with config.json and model.safetensors`,
    })
  }))

test('what must not be written is refused, and nothing is lost', () =>
  inFolder(async (folder) => {
    const config = { model: tinyGpt }
    const parameters = tinyParameters(tinyGpt)
    await writeFile(join(folder, 'thesis.txt'), 'mine')
    const foreign = `${folder}: there is something here that is no checkpoint (it has no config.json); it is not replaced. Choose another folder or empty this one.`
    await assert.rejects(writeCheckpoint(folder, { config, parameters }), { message: foreign })
    assert.equal(await readFile(join(folder, 'thesis.txt'), 'utf8'), 'mine')
    const fails = (changes: object, message: string) =>
      assert.rejects(writeCheckpoint(join(folder, 'x'), { config, parameters, ...changes }), { message })
    await fails({ parameters: parameters.slice(1) }, 'embeddings.token.weight: missing; the configuration asks for it with shape [11,4]')
    const first = parameters[0]!
    await fails(
      { parameters: [{ ...first, shape: [4, 11] }, ...parameters.slice(1)] },
      'embeddings.token.weight: shape is [4,11], the configuration asks for [11,4]',
    )
    await fails({ parameters: [{ ...first, shape: [4] }] }, 'embeddings.token.weight: shape [4] has 4 elements, the data has 44')
    await fails({ parameters: [first, first] }, 'embeddings.token.weight: there are two parameters of this path; paths must be distinct')
    await fails({ extra: { '../x': '' } }, "extra: '../x' must be a plain file name other than config.json and model.safetensors")
    const labelled = { config: { ...config, labels: ['a', 'b'] }, parameters: tinyParameters(tinyGpt, heads) }
    await fails(labelled, 'heads.classification.weight: 3 outputs, but config.labels has 2; give one label per output')
  }))
