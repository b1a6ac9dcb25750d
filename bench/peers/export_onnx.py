"""Small models, exported to ONNX by both of PyTorch's exporters at several opsets, with what PyTorch computes for them.

Writes packages/tensor/fixtures/onnx: NAME.onnx.gz for each export, and expected.json with the output, and the gradients of some weights, of each
model. Needs onnxscript (requirements.txt). Run: bench/.venv/bin/python bench/peers/export_onnx.py
"""
import contextlib
import gzip
import io
import json
import logging
import math
import warnings
from pathlib import Path

import onnx
import torch
from torch import nn
from transformers import (
    BertConfig, BertModel, GPT2Config, GPT2Model, LlamaConfig, LlamaModel, RobertaConfig, RobertaModel, T5Config, T5EncoderModel,
)

folder = Path(__file__).parents[2] / "packages/tensor/fixtures/onnx"
sizes = dict(vocab_size=48, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)


class FirstOutput(nn.Module):
    """The hidden states of a model of transformers."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids, attention_mask):
        return self.encoder(input_ids=input_ids, attention_mask=attention_mask)[0]


class Einsum(nn.Module):
    """Attention written with einsum, a fixed scale, a mask that replaces scores, and a head that is a Gemm."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(48, 16)
        self.project = nn.Linear(16, 48)
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 5)

    def forward(self, input_ids, attention_mask):
        x = self.table(input_ids)
        q, k, v = self.project(x).unflatten(-1, (3, 2, 8)).unbind(2)
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(8)
        hidden = (attention_mask == 0)[:, None, None, :]
        mixed = torch.einsum("bhqk,bkhd->bqhd", scores.masked_fill(hidden, -1e9).softmax(-1), v)
        x = self.norm(x + mixed.flatten(2))
        return self.head(x[:, 0] * torch.sigmoid(x[:, -1]))


def bert(attention):
    return FirstOutput(BertModel(BertConfig(**sizes, max_position_embeddings=24, attn_implementation=attention), add_pooling_layer=False))


models = {
    "bert": bert,
    "gpt2": lambda attention: FirstOutput(GPT2Model(GPT2Config(vocab_size=48, n_embd=16, n_layer=2, n_head=2, n_positions=24, use_cache=False, attn_implementation=attention))),
    "roberta": lambda attention: FirstOutput(RobertaModel(RobertaConfig(**sizes, max_position_embeddings=24, attn_implementation=attention), add_pooling_layer=False)),
    "t5": lambda attention: FirstOutput(T5EncoderModel(T5Config(vocab_size=48, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, attn_implementation=attention))),
    "llama": lambda attention: FirstOutput(LlamaModel(LlamaConfig(**{**sizes, "num_attention_heads": 4}, num_key_value_heads=2, max_position_embeddings=24, use_cache=False, attn_implementation=attention))),
    "einsum": lambda _: Einsum(),
    # as it is initialised: biases all zero, gains all one, which exporters merge
    "fresh": bert,
}

# model, attention, exporter (jit: dynamo=False), opset
exports = [
    ("bert", "eager", "jit", 13), ("bert", "eager", "jit", 17), ("bert", "sdpa", "jit", 17), ("bert", "eager", "jit", 20),
    ("bert", "eager", "dynamo", 17), ("bert", "sdpa", "dynamo", 18), ("bert", "eager", "dynamo", 20), ("bert", "sdpa", "dynamo", 23),
    ("gpt2", "sdpa", "jit", 17), ("gpt2", "eager", "dynamo", 20), ("roberta", "eager", "jit", 17), ("t5", "eager", "dynamo", 18),
    ("llama", "sdpa", "dynamo", 20), ("einsum", "eager", "jit", 13), ("einsum", "eager", "dynamo", 20),
    ("fresh", "eager", "jit", 17), ("fresh", "eager", "dynamo", 18),
]

# whose gradients are stored
watched = {
    "bert": ["encoder.embeddings.position_embeddings.weight", "encoder.embeddings.LayerNorm.weight", "encoder.encoder.layer.0.attention.self.query.weight",
             "encoder.encoder.layer.0.attention.self.value.bias", "encoder.encoder.layer.1.intermediate.dense.weight", "encoder.encoder.layer.1.output.LayerNorm.bias"],
    "gpt2": ["encoder.wpe.weight", "encoder.h.0.attn.c_attn.weight", "encoder.h.1.mlp.c_proj.bias"],
    "roberta": ["encoder.encoder.layer.0.attention.self.key.weight", "encoder.encoder.layer.1.output.dense.bias"],
    "t5": ["encoder.encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", "encoder.encoder.block.1.layer.1.DenseReluDense.wi.weight"],
    "llama": ["encoder.layers.0.self_attn.k_proj.weight", "encoder.layers.1.mlp.gate_proj.weight"],
    "einsum": ["table.weight", "project.weight", "norm.weight", "head.weight"],
    "fresh": ["encoder.encoder.layer.0.attention.self.value.bias", "encoder.encoder.layer.0.output.dense.bias"],
}


def make(name, attention):
    torch.manual_seed(7)
    model = models[name](attention).eval()
    if name != "fresh":
        for path, weight in model.named_parameters():
            near = 1.0 if weight.dim() == 1 and "norm" in path.lower() and path.endswith("weight") else 0.0
            # multiples of 1/32: exact in every format, and few bits to store
            weight.data = near + (torch.randn_like(weight) * 8).round() / 32
    return model


ids = torch.tensor([[5, 9, 2, 40, 33, 17, 6], [8, 21, 47, 11, 3, 1, 1]])
mask = torch.tensor([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0, 0]])
names = dict(input_names=["input_ids", "attention_mask"], output_names=["output"])


def export(model, exporter, opset, path):
    if exporter == "jit":
        axes = {name: {0: "batch", 1: "sequence"} for name in names["input_names"]}
        torch.onnx.export(model, (ids, mask), path, opset_version=opset, dynamo=False, dynamic_axes=axes, **names)
        return
    batch, sequence = torch.export.Dim("batch"), torch.export.Dim("sequence", max=24)
    shapes = {name: {0: batch, 1: sequence} for name in names["input_names"]}
    torch.onnx.export(model, (ids, mask), path, opset_version=opset, dynamo=True, external_data=False, dynamic_shapes=shapes, verbose=False, **names)


def slim(path):
    """Stack traces and source code make up nine tenths of an export by dynamo; which module a node belongs to stays."""
    model = onnx.load(path)
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if entry.key == "pkg.torch.onnx.name_scopes"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
        node.doc_string = ""
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    return model.SerializeToString()


def numbers(tensor):
    return [float(f"{x:.7g}") for x in tensor.detach().flatten().tolist()]


def expected(name):
    model = make(name, "eager")
    output = model(ids, mask)
    weights = torch.sin(torch.arange(output.numel(), dtype=torch.float32)).reshape(output.shape)
    (output * weights).sum().backward()
    found = dict(model.named_parameters())
    return {
        "shape": list(output.shape),
        "output": numbers(output),
        # gradients of Σ output[i] · sin(i), of Linear's weights as PyTorch has them, [out, in]
        "gradients": [{"path": path, "shape": list(found[path].shape), "data": numbers(found[path].grad)} for path in watched[name]],
    }


def main():
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    done = []
    for model, attention, exporter, opset in exports:
        name = f"{model}-{attention}-{exporter}-{opset}"
        path = folder / f"{name}.onnx"
        with contextlib.redirect_stdout(io.StringIO()):
            export(make(model, attention), exporter, opset, str(path))
        data = slim(path)
        path.unlink()
        with gzip.GzipFile(folder / f"{name}.onnx.gz", "wb", compresslevel=9, mtime=0) as file:
            file.write(data)
        done.append({"name": name, "model": model, "exporter": exporter, "opset": opset})
        print(name, len(data))
    inputs = {"ids": ids.flatten().tolist(), "mask": mask.flatten().tolist(), "shape": list(ids.shape)}
    results = {name: expected(name) for name in models}
    (folder / "expected.json").write_text(json.dumps({"inputs": inputs, "exports": done, "models": results}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
