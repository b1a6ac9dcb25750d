// What `thaw export` prints to be copied: the program that runs an exported folder in transformers.js. Its pipeline takes single texts with labels; for
// everything else the program feeds the model itself.

import { basename, dirname, resolve } from 'node:path'
import { type ExportReport, onnxFiles } from '../export/index.js'
import { hasLabels, type Task } from '../tasks/task.js'

/** The program's lines, under one that says where to install what it imports. */
export function inJavaScript({ out, dtypes, pairs, task }: ExportReport & { task: Task }): string[] {
  const name = JSON.stringify(basename(resolve(out)))
  const place = `env.localModelPath = ${JSON.stringify(`${dirname(out).replaceAll('\\', '/')}/`)}`
  const dtype = dtypes.length > 1 ? [`dtype: '${onnxFiles[dtypes[0]!].transformersJs}'`] : []
  const options = (...some: string[]) => (some.length === 0 ? '' : `, { ${some.join(', ')} }`)
  const loading = (className: string) => [
    `import { ${className}, AutoTokenizer, env } from '@huggingface/transformers'`,
    place,
    `const tokenizer = await AutoTokenizer.from_pretrained(${name})`,
    `const model = await ${className}.from_pretrained(${name}${options(...dtype)})`,
  ]
  const program = (): string[] => {
    if (task.kind === 'multiple-choice') return [...loading('AutoModel'), ...choosing(task.choices)]
    if (task.form === 'two-tower')
      return hasLabels(task)
        ? [
            ...loading('AutoModel'),
            `const head = await AutoModel.from_pretrained(${name}${options("model_file_name: 'head'", ...dtype)})`,
            'const embed = async (text) => (await model(tokenizer(text))).sentence_embedding',
            "const { logits } = await head({ u: await embed('…'), v: await embed('…') })",
            'console.log(logits.tolist(), model.config.id2label)',
          ]
        : [...loading('AutoModel'), ...comparing(task.range)]
    if (!hasLabels(task))
      return [
        ...loading('AutoModelForSequenceClassification'),
        `const { logits } = await model(tokenizer('…'${pairs ? ", { text_pair: '…' }" : ''}))`,
        `console.log(logits.tolist()) // a number from ${task.range[0]} to ${task.range[1]} for each row`,
      ]
    if (pairs)
      return [
        ...loading('AutoModelForSequenceClassification'),
        "const { logits } = await model(tokenizer('…', { text_pair: '…' }))",
        'console.log(logits.tolist(), model.config.id2label)',
      ]
    return [
      "import { env, pipeline } from '@huggingface/transformers'",
      place,
      `const classify = await pipeline('text-classification', ${name}${options(...dtype)})`,
      "console.log(await classify('…', { top_k: null }))",
    ]
  }
  return ['In JavaScript (npm install @huggingface/transformers):', ...program().map((line) => `  ${line}`)]
}

/** A batch of one: a text with its candidates, [1, choices, time]. */
const choosing = (choices: number): string[] => [
  `const [text, candidates] = ['…', [${Array(choices).fill("'…'").join(', ')}]]`,
  'const rows = tokenizer(candidates.map(() => text), { text_pair: candidates, padding: true })',
  'const inputs = Object.fromEntries(Object.entries(rows).map(([name, x]) => [name, x.unsqueeze(0)]))',
  'console.log((await model(inputs)).logits.tolist()) // the higher, the better the candidate',
]

/** The embeddings have length 1, so that their product is their cosine. */
const comparing = ([low, high]: readonly [number, number]): string[] => [
  "const { sentence_embedding } = await model(tokenizer(['…', '…'], { padding: true }))",
  'const [u, v] = sentence_embedding.tolist()',
  'const cosine = u.reduce((sum, x, i) => sum + x * v[i], 0)',
  low === 0 && high === 1 ? 'console.log(cosine)' : `console.log(${low} + ${high - low} * cosine) // cosine 0 is ${low}, cosine 1 is ${high}`,
]
