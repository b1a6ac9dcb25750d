"""PyTorch's side of the benchmark `train-step`: a whole training step of a language model, eager mode, fused AdamW.

Run: python train_step.py --config a|b|c [--threads 2] [--weights file.safetensors] [--rate 1e-4] [--decay 0.01] [--seed 1]
Request {"steps": n, "ids"?: [batch * time], "targets"?: [batch * time]}; ids and targets stay for later requests (random at first).
Answer {"milliseconds": [...], "loss": last, "losses": [...], "peakBytes": VmHWM, "parameters": count, "torch": version}.
The loss is the mean cross-entropy at every position, the head tied to the token table; no mask, no dropout, no clipping.
"""
import torch
import torch.nn.functional as F
from protocol import serve
from steps import arguments, ids_of, make_backbone, read_weights, timed

options, config = arguments("A training step of a language model in PyTorch")
model = make_backbone(config, read_weights(options.weights))
optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=options.decay, fused=True)
parameters = sum(p.numel() for p in model.parameters())
ids = targets = None


def step():
    logits = model(ids) @ model.token.weight.T
    loss = F.cross_entropy(logits.view(-1, config.vocabulary), targets)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


def handle(request):
    global ids, targets
    ids = ids_of(request, "ids", (config.batch, config.time), config.vocabulary, ids)
    targets = ids_of(request, "targets", (config.batch * config.time,), config.vocabulary, targets)
    return {**timed(request["steps"], step), "parameters": parameters, "torch": torch.__version__}


serve(handle)
