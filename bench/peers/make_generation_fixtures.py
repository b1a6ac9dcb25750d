"""Writes packages/thaw/fixtures/generation.json: what transformers generates with the GPT-2 of fixtures/published/gpt2, greedily and by beam search.

Run: bench/.venv/bin/python bench/peers/make_generation_fixtures.py
{ greedy: [{ prompt, ids }], beams: [{ prompt, stop, hypotheses: [{ ids, score }] }] }; ids are the new tokens, scores plain log-probabilities (length penalty 0).
"""
import json
from pathlib import Path

import torch
from transformers import GPT2LMHeadModel

root = Path(__file__).resolve().parents[2] / "packages/thaw/fixtures"
torch.set_num_threads(1)
model = GPT2LMHeadModel.from_pretrained(root / "published/gpt2").eval()
prompts = [[5, 11, 23], [9, 30, 14, 7, 2], [1]]


def generate(prompt, **options):
    ids = torch.tensor([prompt])
    return model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, pad_token_id=0, **options)


def beams(prompt, stop):
    found = generate(
        prompt, num_beams=4, num_return_sequences=4, length_penalty=0.0, eos_token_id=stop, return_dict_in_generate=True, output_scores=True
    )
    hypotheses = []
    for sequence, score in zip(found.sequences, found.sequences_scores):
        ids = sequence[len(prompt) :].tolist()
        if stop in ids:
            ids = ids[: ids.index(stop) + 1]
        hypotheses.append({"ids": ids, "score": float(f"{score.item():.7g}")})
    return {"prompt": prompt, "stop": stop, "hypotheses": hypotheses}


result = {
    "greedy": [{"prompt": p, "ids": generate(p, do_sample=False, eos_token_id=None)[0][len(p) :].tolist()} for p in prompts],
    "beams": [beams(p, stop) for p in prompts for stop in (None, 14)],
}
(root / "generation.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
