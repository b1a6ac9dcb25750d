"""Python's transformers for `export-parity`: the logits of a folder that `thaw export --to safetensors` wrote.

Run: python export_parity.py
Request {"folder", "texts": [...]}. Answer {"logits": [[...], ...], "class"}.
A classifier that one of transformers' classes can express is loaded by AutoModelForSequenceClassification; one with mean pooling by the four lines that
docs/export.md gives for it.
"""
import json
import os

import safetensors.torch
import torch
from protocol import serve
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer


def handle(request):
    folder, texts = request["folder"], request["texts"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with open(os.path.join(folder, "config.json")) as file:
        [architecture] = json.load(file)["architectures"]
    whole = architecture.endswith("ForSequenceClassification")
    batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt", return_token_type_ids=False)
    model = (AutoModelForSequenceClassification if whole else AutoModel).from_pretrained(folder).eval()
    with torch.no_grad():
        if whole:
            logits = model(**batch).logits
        else:
            weights = safetensors.torch.load_file(os.path.join(folder, "model.safetensors"))
            hidden, mask = model(**batch).last_hidden_state, batch["attention_mask"].unsqueeze(-1)
            logits = (hidden * mask).sum(1) / mask.sum(1) @ weights["heads.classification.weight"] + weights["heads.classification.bias"]
    return {"logits": logits.tolist(), "class": type(model).__name__}


serve(handle)
