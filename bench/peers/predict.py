"""PyTorch's side of `published-predict`: a classifier that Thaw exported to safetensors, by transformers, in eager mode.

Run: python predict.py FOLDER [--threads 2]
Request {"texts": [...], "batch": n}. Answer {"milliseconds": [one a batch], "answers": [[label, score], ...], "loaded": ms from the start of loading to
the first answer (imports excluded), "peakBytes": VmHWM}. A batch is tokenized, padded to its longest text, run, and its probabilities are read.
"""
import argparse
import time

import torch
from protocol import peak_bytes, serve
from transformers import AutoModelForSequenceClassification, AutoTokenizer

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
torch.set_num_threads(options.threads)


def load():
    tokenizer = AutoTokenizer.from_pretrained(options.folder)
    model = AutoModelForSequenceClassification.from_pretrained(options.folder).eval()

    def predict(texts):
        batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            scores, ids = model(**batch).logits.softmax(-1).max(-1)
        return [[model.config.id2label[i], score] for i, score in zip(ids.tolist(), scores.tolist())]

    return predict


predict = None
loaded = 0.0


def handle(request):
    global predict, loaded
    texts, size = request["texts"], request["batch"]
    if predict is None:
        start = time.perf_counter()
        predict = load()
        predict(texts[:1])
        loaded = (time.perf_counter() - start) * 1e3
    milliseconds, answers = [], []
    for at in range(0, len(texts), size):
        start = time.perf_counter()
        answers += predict(texts[at : at + size])
        milliseconds.append((time.perf_counter() - start) * 1e3)
    return {"milliseconds": milliseconds, "answers": answers, "loaded": loaded, "peakBytes": peak_bytes()}


serve(handle)
