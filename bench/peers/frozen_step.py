"""PyTorch's side of the benchmark `frozen-step`: a classifier on an encoder, trained whole or with the encoder frozen.

Run: python frozen_step.py --config b --train head|all [--classes 6] [--threads 2] [--weights file.safetensors] [--rate 1e-4] [--decay 0.01] [--seed 1]
Request {"steps": n, "ids"?: [batch * time], "labels"?: [batch]}; ids and labels stay for later requests (random at first).
Answer {"milliseconds": [...], "loss": last, "losses": [...], "peakBytes": VmHWM, "parameters": trained, "torch": version}.
The mean of the last hidden states over time goes through one linear layer; mean cross-entropy; fused AdamW. A frozen encoder runs without gradients.
The weights file may carry heads.classification.weight [hidden, classes] and heads.classification.bias.
"""
import argparse
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from protocol import serve
from steps import arguments, ids_of, make_backbone, read_weights, timed

own = argparse.ArgumentParser(add_help=False)
own.add_argument("--train", choices=("head", "all"), required=True)
own.add_argument("--classes", type=int, default=6)
mine, rest = own.parse_known_args()
sys.argv[1:] = rest
options, config = arguments("A training step of a classifier in PyTorch")
frozen = mine.train == "head"
tensors = read_weights(options.weights)
backbone = make_backbone(config, tensors)
head = nn.Linear(config.hidden, mine.classes)
nn.init.normal_(head.weight, std=0.02)
nn.init.zeros_(head.bias)
if tensors is not None and "heads.classification.weight" in tensors:
    head.weight.data.copy_(tensors["heads.classification.weight"].T)
    head.bias.data.copy_(tensors["heads.classification.bias"])
trained = list(head.parameters()) + ([] if frozen else list(backbone.parameters()))
optimizer = torch.optim.AdamW(trained, lr=options.rate, weight_decay=options.decay, fused=True)
ids = labels = None


def step():
    with torch.set_grad_enabled(not frozen):
        hidden = backbone(ids)
    loss = F.cross_entropy(head(hidden.mean(1)), labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


def handle(request):
    global ids, labels
    ids = ids_of(request, "ids", (config.batch, config.time), config.vocabulary, ids)
    labels = ids_of(request, "labels", (config.batch,), mine.classes, labels)
    return {**timed(request["steps"], step), "parameters": sum(p.numel() for p in trained), "torch": torch.__version__}


serve(handle)
