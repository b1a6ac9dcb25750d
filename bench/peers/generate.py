"""transformers' side of the benchmark `generate`: greedy continuation by a random GPT-2 with its key-value cache.

Run: python generate.py --config small|gpt2 [--threads 2]
Request {"tokens": n}; answer {"milliseconds": [n numbers], "peakBytes": VmHWM}. The loop is written out, so that each token is timed.
"""
import argparse
import time

import torch
from protocol import peak_bytes, serve
from transformers import GPT2Config, GPT2LMHeadModel

CONFIGS = {
    "small": dict(n_layer=6, n_embd=384, n_head=6, n_inner=1536, vocab_size=16000, n_positions=1024),
    "gpt2": dict(n_layer=12, n_embd=768, n_head=12, n_inner=3072, vocab_size=50257, n_positions=1024),
}
parser = argparse.ArgumentParser(description="Generation with transformers")
parser.add_argument("--config", choices=sorted(CONFIGS), required=True)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
torch.set_num_threads(options.threads)
torch.manual_seed(1)
model = GPT2LMHeadModel(GPT2Config(**CONFIGS[options.config])).eval()


@torch.inference_mode()
def handle(request):
    output = model(torch.arange(1, 9)[None], use_cache=True)
    milliseconds = []
    for _ in range(request["tokens"]):
        start = time.perf_counter()
        token = output.logits[:, -1].argmax(-1, keepdim=True)
        output = model(token, past_key_values=output.past_key_values, use_cache=True)
        milliseconds.append((time.perf_counter() - start) * 1e3)
    return {"milliseconds": milliseconds, "peakBytes": peak_bytes()}


serve(handle)
