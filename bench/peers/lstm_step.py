"""PyTorch's side of the benchmark `lstm-step`: forward and backward of one torch.nn.LSTM layer, its input's gradient included.

Run: python lstm_step.py --hidden 256 --batch 16 --time 64 [--threads 2] [--seed 1]
Request {"steps": n}. Answer {"milliseconds": [...], "loss": last, "losses": [...], "peakBytes": VmHWM, "torch": version}.
The layer reads [time, batch, hidden], PyTorch's own order; the loss is the sum of the outputs times fixed weights.
"""
import argparse

import torch
from protocol import serve
from steps import timed

parser = argparse.ArgumentParser(description="A step of torch.nn.LSTM")
for name in ("hidden", "batch", "time"):
    parser.add_argument(f"--{name}", type=int, required=True)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
torch.set_num_threads(options.threads)
torch.manual_seed(options.seed)
layer = torch.nn.LSTM(options.hidden, options.hidden)
shape = (options.time, options.batch, options.hidden)
x = torch.randn(shape, requires_grad=True)
weights = torch.randn(shape)


def step():
    output, _ = layer(x)
    loss = (output * weights).sum()
    loss.backward()
    x.grad = None
    layer.zero_grad()
    return loss.detach()


serve(lambda request: {**timed(request["steps"], step), "torch": torch.__version__})
