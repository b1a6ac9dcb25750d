// The sizes of `train-step`, the same as in bench/peers/train_step.py.

export interface StepSizes {
  layers: number
  hidden: number
  heads: number
  inner: number
  vocabulary: number
  batch: number
  time: number
}

export const configurations: Readonly<Record<string, StepSizes>> = {
  a: { layers: 4, hidden: 256, heads: 8, inner: 1024, vocabulary: 8000, batch: 16, time: 64 },
  b: { layers: 6, hidden: 384, heads: 12, inner: 1536, vocabulary: 30522, batch: 32, time: 32 },
  c: { layers: 16, hidden: 410, heads: 10, inner: 2100, vocabulary: 28996, batch: 4, time: 256 },
}

/** The models of `generate`, the same as in bench/peers/generate.py; `gpt2` has the shape of GPT-2's smallest. */
export const generators: Readonly<Record<string, Omit<StepSizes, 'batch' | 'time'> & { positions: number }>> = {
  small: { layers: 6, hidden: 384, heads: 6, inner: 1536, vocabulary: 16000, positions: 1024 },
  gpt2: { layers: 12, hidden: 768, heads: 12, inner: 3072, vocabulary: 50257, positions: 1024 },
}
