"""Writes packages/thaw/fixtures/recurrent.json: values and gradients of torch.nn.LSTM and torch.nn.GRU.

Run: bench/.venv/bin/python bench/peers/make_recurrent_fixtures.py
A case is { name, kind, inputs, hidden, layers, bidirectional, lengths?, x, initial?, parameters, output, states, outputWeights, stateWeights, gradients }:
parameters under Thaw's paths (linear weights [in, out]); states in PyTorch's order of layers and directions, each { h, c? } as [batch, hidden];
gradients of sum(output * outputWeights) + sum(states * stateWeights), by path, for `x` and for the initial states (`initial.N.h`).
With lengths, sequences are packed. Everything is computed in float64 and written with 9 significant digits.
"""
import json
from pathlib import Path

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(20190602)
BATCH, TIME, INPUTS, HIDDEN = 3, 5, 4, 3


def normal(*shape):
    return torch.randn(shape, generator=generator, dtype=torch.float64).float().double()


def listed(tensor):
    return {"shape": list(tensor.shape), "data": [float(f"{v:.9g}") for v in tensor.detach().reshape(-1).tolist()]}


def thaw_paths(layers, bidirectional):
    """Pairs of PyTorch's parameter name and Thaw's path."""
    for n in range(layers):
        for suffix, direction in [("", ".forward"), ("_reverse", ".backward")] if bidirectional else [("", "")]:
            for part, short in [("input", "ih"), ("hidden", "hh")]:
                for kind in ("weight", "bias"):
                    yield f"{kind}_{short}_l{n}{suffix}", f"rnn.{n}{direction}.{part}.{kind}"


def case(name, kind, layers=1, bidirectional=False, lengths=None, start=False):
    model = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](INPUTS, HIDDEN, layers, batch_first=True, bidirectional=bidirectional).double()
    for parameter in model.parameters():
        parameter.data = normal(*parameter.shape) * 0.6
    names = ("h", "c") if kind == "lstm" else ("h",)
    count = layers * (2 if bidirectional else 1)
    x = normal(BATCH, TIME, INPUTS).requires_grad_()
    initial = [normal(count, BATCH, HIDDEN).requires_grad_() for _ in names] if start else None
    given = x if lengths is None else pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    output, last = model(given, None if initial is None else tuple(initial) if kind == "lstm" else initial[0])
    if lengths is not None:
        output, _ = pad_packed_sequence(output, batch_first=True, total_length=TIME)
    last = last if kind == "lstm" else (last,)
    output_weights, state_weights = normal(*output.shape), [normal(*s.shape) for s in last]
    ((output * output_weights).sum() + sum((s * w).sum() for s, w in zip(last, state_weights))).backward()

    def by_direction(tensors):
        return [{n: listed(t[i]) for n, t in zip(names, tensors)} for i in range(count)]

    turned = {path: (getattr(model, old).mT if old.startswith("weight") else getattr(model, old)) for old, path in thaw_paths(layers, bidirectional)}
    gradients = {path: getattr(model, old).grad for old, path in thaw_paths(layers, bidirectional)}
    gradients = {path: listed(g.mT if path.endswith("weight") else g) for path, g in gradients.items()}
    gradients["x"] = listed(x.grad)
    if initial is not None:
        for n, t in zip(names, initial):
            gradients.update({f"initial.{i}.{n}": listed(t.grad[i]) for i in range(count)})
    return {
        "name": name, "kind": kind, "inputs": INPUTS, "hidden": HIDDEN, "layers": layers, "bidirectional": bidirectional, "lengths": lengths, "x": listed(x),
        "initial": None if initial is None else by_direction(initial), "parameters": {path: listed(t) for path, t in turned.items()},
        "output": listed(output), "states": by_direction(last), "outputWeights": listed(output_weights), "stateWeights": by_direction(state_weights),
        "gradients": gradients,
    }


cases = []
for kind in ("lstm", "gru"):
    cases.append(case("one layer", kind))
    cases.append(case("from given states", kind, start=True))
    cases.append(case("padded", kind, lengths=[3, 5, 1], start=True))
    cases.append(case("two layers", kind, layers=2, start=True))
    cases.append(case("two layers, two directions, padded", kind, layers=2, bidirectional=True, lengths=[4, 2, 5], start=True))
path = Path(__file__).parents[2] / "packages/thaw/fixtures/recurrent.json"
path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
print(f"{path}: {len(cases)} cases, {path.stat().st_size} bytes")
