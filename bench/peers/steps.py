"""What the step benchmarks share: arguments, data, the timed loop."""
import argparse
import time

import torch
from model import CONFIGS, Backbone, load_backbone
from protocol import peak_bytes


def arguments(about):
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--config", choices=sorted(CONFIGS), required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--decay", type=float, default=0.01, help="AdamW's weight decay, on every parameter (PyTorch's default)")
    parser.add_argument("--weights", help="safetensors file with the initial weights under Thaw's paths")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    return options, CONFIGS[options.config]


def read_weights(path):
    if path is None:
        return None
    from safetensors.torch import load_file

    return load_file(path)


def make_backbone(config, tensors):
    backbone = Backbone(config)
    if tensors is not None:
        load_backbone(backbone, tensors)
    return backbone


def ids_of(request, name, shape, high, previous):
    """The ids given in the request (a flat array), else those of the request before, else random ones below `high`."""
    if name in request:
        return torch.tensor(request[name], dtype=torch.int64).reshape(shape)
    return previous if previous is not None else torch.randint(0, high, shape)


def timed(steps, step):
    """Runs `step` (which returns its loss as a tensor) and gives the answer of the protocol: times, losses before each update, peak memory."""
    milliseconds, losses = [], []
    for _ in range(steps):
        start = time.perf_counter()
        losses.append(step().item())
        milliseconds.append((time.perf_counter() - start) * 1e3)
    return {"milliseconds": milliseconds, "loss": losses[-1] if losses else None, "losses": losses, "peakBytes": peak_bytes()}
