"""The Transformer of the step benchmarks in PyTorch, written as one would for speed in eager mode: pre-LN with a final norm, one QKV product,
scaled_dot_product_attention without a mask, tanh GELU, learned positions, no dropout. Weights can come from a safetensors file under Thaw's paths."""
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass(frozen=True)
class Config:
    layers: int
    hidden: int
    heads: int
    inner: int
    vocabulary: int
    batch: int
    time: int


CONFIGS = {
    "a": Config(4, 256, 8, 1024, 8000, 16, 64),
    "b": Config(6, 384, 12, 1536, 30522, 32, 32),
    "c": Config(16, 410, 10, 2100, 28996, 4, 256),
}


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads = c.heads
        self.attention_norm = nn.LayerNorm(c.hidden)
        self.qkv = nn.Linear(c.hidden, 3 * c.hidden)
        self.output = nn.Linear(c.hidden, c.hidden)
        self.feedforward_norm = nn.LayerNorm(c.hidden)
        self.up = nn.Linear(c.hidden, c.inner)
        self.down = nn.Linear(c.inner, c.hidden)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.attention_norm(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.output(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.feedforward_norm(x)), approximate="tanh"))


class Backbone(nn.Module):
    """Token ids [batch, time] to hidden states [batch, time, hidden]."""

    def __init__(self, c):
        super().__init__()
        self.token = nn.Embedding(c.vocabulary, c.hidden)
        self.position = nn.Embedding(c.time, c.hidden)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.norm = nn.LayerNorm(c.hidden)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, ids):
        h = self.token(ids) + self.position.weight[: ids.shape[1]]
        for block in self.blocks:
            h = block(h)
        return self.norm(h)


def load_backbone(backbone, tensors):
    """Copies weights under Thaw's dotted paths (linear weights [in, out], see docs/architecture.md) into the backbone; every path must be there."""

    def put(parameter, value):
        if parameter.shape != value.shape:
            raise ValueError(f"expected shape {tuple(parameter.shape)}, got {tuple(value.shape)}")
        parameter.data.copy_(value)

    def linear(module, *paths):
        put(module.weight, torch.cat([tensors[f"{path}.weight"] for path in paths], 1).T)
        put(module.bias, torch.cat([tensors[f"{path}.bias"] for path in paths]))

    def norm(module, path):
        put(module.weight, tensors[f"{path}.weight"])
        put(module.bias, tensors[f"{path}.bias"])

    put(backbone.token.weight, tensors["embeddings.token.weight"])
    put(backbone.position.weight, tensors["embeddings.position.weight"])
    for i, block in enumerate(backbone.blocks):
        attention, feedforward = f"layers.{i}.attention", f"layers.{i}.feedforward"
        linear(block.qkv, *(f"{attention}.{part}" for part in ("query", "key", "value")))
        linear(block.output, f"{attention}.output")
        linear(block.up, f"{feedforward}.up")
        linear(block.down, f"{feedforward}.down")
        norm(block.attention_norm, f"{attention}.norm")
        norm(block.feedforward_norm, f"{feedforward}.norm")
    norm(backbone.norm, "norm")
