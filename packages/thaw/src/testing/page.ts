// The page of the browser test: the toolkit as an application imports it, called from outside through `window.toolkit`.

import { adapt, classification, type LabelledText, load, loadClassifier, type Prediction } from 'thaw'

export interface PageReport {
  losses: number[]
  accuracy: number
  predictions: Prediction[]
}

/** Adapts the checkpoint at an address (in Node: a folder) to three kinds of questions. */
export async function adaptTiny(address: string, train: readonly LabelledText[], text: string): Promise<PageReport> {
  const losses: number[] = []
  const labels = [...new Set(train.map(({ label }) => label!))].sort()
  const { model, report } = await adapt(await load(address), classification({ labels }), {
    train,
    valid: train,
    epochs: 3,
    rate: 3e-3,
    seed: 1,
    threads: 1,
    onEvent: (event) => event.kind === 'step' && losses.push(event.loss),
  })
  await using classifier = model
  return { losses, accuracy: report.valid.accuracy, predictions: await classifier.predict(text) }
}

const toolkit = {
  adapt: adaptTiny,
  async predict(address: string, text: string): Promise<Prediction[]> {
    await using classifier = await loadClassifier(address)
    return await classifier.predict(text)
  },
}

declare global {
  interface Window {
    toolkit: typeof toolkit
  }
}
if (typeof window !== 'undefined') window.toolkit = toolkit
