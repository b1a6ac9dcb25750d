"""Writes packages/thaw/fixtures/exports.json: what transformers computes for classifiers that Thaw exported for it.

Run, after `npm run build`: bench/.venv/bin/python bench/peers/make_export_fixtures.py
{ NAME: { class, tensors: names in the file, logits: [text][label] } }; texts are padded together, on the right. Stops where transformers finds a weight
missing or too much.
"""
import json
import subprocess
import tempfile
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import AutoModelForSequenceClassification, AutoTokenizer

package = Path(__file__).resolve().parents[2] / "packages/thaw"
torch.set_num_threads(1)
fixture = {}
with tempfile.TemporaryDirectory() as folder:
    texts = json.loads(subprocess.run(["node", package / "dist/testing/write-exports.js", folder], check=True, capture_output=True, text=True).stdout)
    for path in sorted((Path(folder) / "exports").iterdir()):
        tokenizer = AutoTokenizer.from_pretrained(path)
        model, report = AutoModelForSequenceClassification.from_pretrained(path, output_loading_info=True)
        assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"], (path.name, report)
        with torch.no_grad():
            logits = model.eval()(**tokenizer(texts, padding=True, truncation=True, return_tensors="pt")).logits
            alone = model(**tokenizer(texts[0], return_tensors="pt")).logits
        assert torch.allclose(alone[0], logits[0], atol=1e-5), path.name
        with safe_open(path / "model.safetensors", "pt") as file:
            names = sorted(file.keys())
        values = [[float(f"{v:.7g}") for v in row] for row in logits.tolist()]
        fixture[path.name] = {"class": type(model).__name__, "tensors": names, "logits": values}
(package / "fixtures/exports.json").write_text(json.dumps(fixture, separators=(",", ":")) + "\n")
print({name: entry["class"] for name, entry in fixture.items()})
