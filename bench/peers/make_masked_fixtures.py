"""Writes packages/thaw/fixtures/masked: a small random BertForPreTraining as transformers saves it, both of its losses on two pairs of segments, and
the norm of each parameter's gradient.

Run: bench/.venv/bin/python bench/peers/make_masked_fixtures.py
expected.json is { ids, segments, mask, places, targets, strange, maskedLoss, nextSentenceLoss, gradients: { transformers' name: norm } }.
"""
import json
from pathlib import Path

import torch
from transformers import BertConfig, BertForPreTraining

root = Path(__file__).resolve().parents[2] / "packages/thaw/fixtures/masked"
torch.set_num_threads(1)
torch.manual_seed(5)
config = BertConfig(
    vocab_size=30, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, max_position_embeddings=10, hidden_act="gelu_new"
)
model = BertForPreTraining(config).eval()
with torch.no_grad():
    for parameter in model.parameters():  # larger than a fresh model's, so that every part shows in the result
        parameter.add_(torch.randn_like(parameter) * 0.3)
model.save_pretrained(root)

ids = torch.tensor([[2, 11, 4, 7, 3, 21, 9, 4, 3], [2, 9, 4, 3, 18, 3, 0, 0, 0]])
segments = torch.tensor([[0, 0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 0, 0, 0]])
mask = torch.tensor([[1] * 9, [1] * 6 + [0] * 3])
places, targets = [2, 7, 11], [13, 25, 6]
labels = torch.full((18,), -100)
labels[places] = torch.tensor(targets)
strange = torch.tensor([0, 1])
output = model(input_ids=ids, token_type_ids=segments, attention_mask=mask)
masked = torch.nn.functional.cross_entropy(output.prediction_logits.view(18, -1), labels)
next_sentence = torch.nn.functional.cross_entropy(output.seq_relationship_logits, strange)
(masked + next_sentence).backward()
expected = {
    "ids": ids.tolist(),
    "segments": segments.tolist(),
    "mask": mask.tolist(),
    "places": places,
    "targets": targets,
    "strange": strange.tolist(),
    "maskedLoss": masked.item(),
    "nextSentenceLoss": next_sentence.item(),
    "gradients": {name: float(f"{parameter.grad.norm().item():.7g}") for name, parameter in model.named_parameters()},
}
(root / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
(root / "generation_config.json").unlink(missing_ok=True)
