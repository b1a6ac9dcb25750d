"""Writes packages/thaw/fixtures/published/NAME: small random models of the published families, as transformers saves them, with their last hidden states.

Run: bench/.venv/bin/python bench/peers/make_published_fixtures.py
expected.json is { ids, mask, hidden }: two rows of ids, the second padded on the right, and the hidden states of the real tokens; where the family has
two segments also { segments, segmentHidden }: token types, as of pairs of texts, and the hidden states with them.
"""
import json
import shutil
from pathlib import Path

import torch
import transformers
from transformers import AutoModel

root = Path(__file__).resolve().parents[2] / "packages/thaw/fixtures/published"
shutil.rmtree(root, ignore_errors=True)
torch.set_num_threads(1)
small = dict(vocab_size=40, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12)
families = {
    "bert": (transformers.BertConfig(**small, max_position_embeddings=16), {}),
    "bert-shards-f16": (transformers.BertConfig(**small, max_position_embeddings=16), {"dtype": torch.float16, "max_shard_size": "3KB"}),
    "roberta": (transformers.RobertaConfig(**small, max_position_embeddings=18, type_vocab_size=1), {}),
    "xlm-roberta-bf16": (transformers.XLMRobertaConfig(**small, max_position_embeddings=18, type_vocab_size=1), {"dtype": torch.bfloat16}),
    "distilbert": (transformers.DistilBertConfig(vocab_size=40, dim=8, n_layers=2, n_heads=2, hidden_dim=12, max_position_embeddings=16), {}),
    "electra": (transformers.ElectraConfig(**small, embedding_size=6, max_position_embeddings=16), {}),
    "gpt2": (transformers.GPT2Config(vocab_size=40, n_embd=8, n_layer=2, n_head=2, n_positions=16, bos_token_id=0, eos_token_id=0), {}),
}
ids = torch.tensor([[5, 11, 23, 7, 31, 2], [9, 30, 14, 1, 1, 1]])
mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]])
segments = torch.tensor([[0, 0, 0, 1, 1, 1], [0, 1, 1, 0, 0, 0]])


def numbers(hidden):
    return [[[float(f"{v:.7g}") for v in token] for token in row.tolist()] for row in [hidden[0], hidden[1, :3]]]


for number, (name, (config, how)) in enumerate(families.items()):
    torch.manual_seed(number)
    model = AutoModel.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # larger than a fresh model's, so that every part shows in the result
            parameter.add_(torch.randn_like(parameter) * 0.3)
        model = model.to(how.get("dtype", torch.float32))
        folder = root / name
        model.save_pretrained(folder, **({"max_shard_size": how["max_shard_size"]} if "max_shard_size" in how else {}))
        hidden = model.float()(input_ids=ids, attention_mask=mask).last_hidden_state
        expected = {"ids": ids.tolist(), "mask": mask.tolist(), "hidden": numbers(hidden)}
        if getattr(config, "type_vocab_size", 1) == 2:
            paired = model(input_ids=ids, attention_mask=mask, token_type_ids=segments).last_hidden_state
            expected |= {"segments": segments.tolist(), "segmentHidden": numbers(paired)}
    (folder / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
    for extra in folder.glob("generation_config.json"):
        extra.unlink()
print({p.name: sum(f.stat().st_size for f in p.iterdir()) for p in sorted(root.iterdir())})
