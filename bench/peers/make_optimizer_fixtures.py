"""Writes packages/tensor/fixtures/optimizers.json: five steps of every optimizer, as PyTorch takes them.

Run: bench/.venv/bin/python bench/peers/make_optimizer_fixtures.py
A case is { name, options, rate, clip?, start: {matrix, vector}, gradients: [{matrix, vector}] * 5, end: {matrix, vector} }. PyTorch decays every
parameter it is given; here only the matrix decays, as by Thaw's default mask.
"""
import json
from pathlib import Path

import torch

generator = torch.Generator().manual_seed(7)
shapes = {"matrix": (3, 4), "vector": (4,)}
normal = lambda shape, scale: (torch.randn(shape, generator=generator) * scale)
listed = lambda tensors: {name: [float(f"{v:.9g}") for v in t.reshape(-1).tolist()] for name, t in tensors.items()}
cases = []


def case(name, make, options, rate, decay=0.0, clip=None, names=("matrix", "vector"), dtype=torch.float64):
    start = {n: normal(shapes[n], 0.5) for n in names}
    gradients = [{n: normal(shapes[n], 1.0) for n in names} for _ in range(5)]
    parameters = {n: t.clone().to(dtype).requires_grad_() for n, t in start.items()}
    groups = [{"params": [p], "weight_decay": decay if n == "matrix" else 0.0} for n, p in parameters.items()]
    optimizer = make(groups)
    for step in gradients:
        for n, p in parameters.items():
            p.grad = step[n].to(dtype).clone()
        if clip:
            torch.nn.utils.clip_grad_norm_(parameters.values(), clip)
        optimizer.step()
    cases.append({"name": name, "options": options, "rate": rate, "clip": clip, "start": listed(start), "gradients": [listed(g) for g in gradients], "end": listed(parameters)})


optim = torch.optim
case("sgd", lambda g: optim.SGD(g, lr=0.1), {}, 0.1)
case("sgd", lambda g: optim.SGD(g, lr=0.05, momentum=0.9), {"momentum": 0.9}, 0.05)
case("sgd", lambda g: optim.SGD(g, lr=0.05, momentum=0.9, nesterov=True), {"momentum": 0.9, "nesterov": True}, 0.05)
case("adam", lambda g: optim.Adam(g, lr=0.01), {}, 0.01)
case("adam", lambda g: optim.Adam(g, lr=0.01, betas=(0.8, 0.95), eps=1e-6), {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6}, 0.01)
case("adamw", lambda g: optim.AdamW(g, lr=0.01), {"weightDecay": 0.1}, 0.01, decay=0.1)
case("adamw", lambda g: optim.AdamW(g, lr=0.01), {"weightDecay": 0.1, "clip": 1}, 0.01, decay=0.1, clip=1.0)
case("adagrad", lambda g: optim.Adagrad(g, lr=0.1), {}, 0.1)
case("rmsprop", lambda g: optim.RMSprop(g, lr=0.01, alpha=0.9), {"alpha": 0.9}, 0.01)
case("adafactor", lambda g: optim.Adafactor(g, lr=0.1, eps=(2**-23, 1e-3)), {"weightDecay": 0.1}, 0.1, decay=0.1)
# PyTorch's Muon computes its products in bfloat16: compared loosely
case("muon", lambda g: optim.Muon(g, lr=0.02, momentum=0.95, adjust_lr_fn="match_rms_adamw"), {"weightDecay": 0.1}, 0.02, decay=0.1, names=("matrix",), dtype=torch.float32)
target = Path(__file__).resolve().parents[2] / "packages/tensor/fixtures/optimizers.json"
target.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(f"{len(cases)} cases -> {target}")
