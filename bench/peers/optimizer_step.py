# PyTorch's side of the benchmark optimizer-step: one request a line on stdin ("default" or "fused"), one JSON line with the time of a step back.
# First line in: the shapes as JSON.
import json
import sys
import time

import torch

torch.set_num_threads(2)
shapes = json.loads(sys.stdin.readline())
torch.manual_seed(0)
params = [torch.nn.Parameter(torch.randn(shape) * 0.02) for shape in shapes]
grads = [torch.randn(shape) for shape in shapes]
optimizers = {"default": torch.optim.AdamW(params, lr=1e-4), "fused": torch.optim.AdamW(params, lr=1e-4, fused=True)}
for line in sys.stdin:
    optimizer = optimizers[line.strip()]
    for param, grad in zip(params, grads):
        param.grad = grad.clone()
    start = time.perf_counter()
    torch.nn.utils.clip_grad_norm_(params, 1.0)
    optimizer.step()
    print(json.dumps({"milliseconds": (time.perf_counter() - start) * 1e3}), flush=True)
