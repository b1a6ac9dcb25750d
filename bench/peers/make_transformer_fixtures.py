"""Writes packages/thaw/fixtures/transformers.json, hf-bert.json and hf-gpt2.json: tiny Transformers as PyTorch computes them.

Run: bench/.venv/bin/python bench/peers/make_transformer_fixtures.py
transformers.json has one set of `parameters` (our paths and layouts: linear weights are [in, out]) and 36 `variants`, block x positions x
activation x causal; each names the `parameters` it uses and gives the last hidden states, the loss and a summary of every gradient
(sum, L2 norm, first 6 values); two variants carry their `fullGradients`. Computed in float64, written with 8 significant digits.
hf-bert.json and hf-gpt2.json hold tiny random models of the library `transformers`, under its names and layouts.
"""
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
VOCABULARY, HIDDEN, LAYERS, HEADS, INNER, POSITIONS, BATCH, TIME = 13, 8, 2, 2, 16, 8, 2, 5
FOLDER = Path(__file__).resolve().parents[2] / "packages/thaw/fixtures"
generator = torch.Generator().manual_seed(1810)


def digits(value):
    """8 significant digits; numbers that are zero but for rounding (the gradient of a key's bias) are written as 0."""
    return 0.0 if abs(value) < 1e-12 else float(f"{value:.8g}")


def listed(tensor):
    return [digits(v) for v in tensor.detach().reshape(-1).tolist()]


def random(shape, spread, mean=0.0):
    """Normal numbers that survive being written with 8 digits and read as float32."""
    values = torch.randn(shape, generator=generator, dtype=torch.float64) * spread + mean
    return torch.tensor(listed(values), dtype=torch.float64).float().double().reshape(shape)


def summary(gradient):
    return {"sum": digits(gradient.sum().item()), "norm": digits(gradient.norm().item()), "first": listed(gradient)[:6]}


def write(name, value):
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")
    print(f"{FOLDER / name}: {(FOLDER / name).stat().st_size} bytes")


def make_parameters():
    p = {"embeddings.token.weight": random((VOCABULARY, HIDDEN), 0.6), "embeddings.position.weight": random((POSITIONS, HIDDEN), 0.4)}

    def norm(path):
        p[f"{path}.weight"] = random((HIDDEN,), 0.2, 1.0)
        p[f"{path}.bias"] = random((HIDDEN,), 0.2)

    def linear(path, rows, columns):
        p[f"{path}.weight"] = random((rows, columns), 1 / math.sqrt(rows))
        p[f"{path}.bias"] = random((columns,), 0.2)

    norm("embeddings.norm")
    for i in range(LAYERS):
        for part in ("query", "key", "value", "output"):
            linear(f"layers.{i}.attention.{part}", HIDDEN, HIDDEN)
        norm(f"layers.{i}.attention.norm")
        linear(f"layers.{i}.feedforward.up", HIDDEN, INNER)
        linear(f"layers.{i}.feedforward.down", INNER, HIDDEN)
        norm(f"layers.{i}.feedforward.norm")
    norm("norm")
    return p


def sinusoids(time, hidden):
    """sin in the even columns, cos in the odd ones, frequency 10000^(-2i/hidden) (Vaswani et al. 2017, section 3.5)."""
    angle = torch.arange(time, dtype=torch.float64)[:, None] * 10000 ** (-torch.arange(0, hidden, 2, dtype=torch.float64) / hidden)
    return torch.stack((angle.sin(), angle.cos()), -1).reshape(time, hidden)


def forward(p, config, ids, visible):
    """Last hidden states [batch, time, hidden]; visible [batch, time] says which keys may be attended to."""
    b, t = ids.shape
    eps = config["normEpsilon"]
    act = {"relu": F.relu, "gelu": F.gelu, "gelu-tanh": lambda x: F.gelu(x, approximate="tanh")}[config["activation"]]

    def norm(path, x):
        return F.layer_norm(x, (HIDDEN,), p[f"{path}.weight"], p[f"{path}.bias"], eps)

    def linear(path, x):
        return x @ p[f"{path}.weight"] + p[f"{path}.bias"]

    mask = visible[:, None, None, :].expand(b, 1, t, t)
    if config["causal"]:
        mask = mask & torch.ones(t, t, dtype=torch.bool).tril()

    def attend(path, x):
        q, k, v = (linear(f"{path}.{part}", x).reshape(b, t, HEADS, -1).transpose(1, 2) for part in ("query", "key", "value"))
        scores = (q @ k.mT / math.sqrt(HIDDEN // HEADS)).masked_fill(~mask, -math.inf)
        return linear(f"{path}.output", (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(b, t, HIDDEN))

    def feed(path, x):
        return linear(f"{path}.down", act(linear(f"{path}.up", x)))

    h = p["embeddings.token.weight"][ids]
    h = h + (p["embeddings.position.weight"][:t] if config["positionKind"] == "learned" else sinusoids(t, HIDDEN))
    if config["block"] == "post":
        h = norm("embeddings.norm", h)
    for i in range(LAYERS):
        a, f = f"layers.{i}.attention", f"layers.{i}.feedforward"
        if config["block"] == "pre":
            h = h + attend(a, norm(f"{a}.norm", h))
            h = h + feed(f, norm(f"{f}.norm", h))
        elif config["block"] == "post":
            h = norm(f"{a}.norm", h + attend(a, h))
            h = norm(f"{f}.norm", h + feed(f, h))
        else:
            h = norm(f"{a}.norm", h)
            h = h + attend(a, h)
            h = norm(f"{f}.norm", h)
            h = h + feed(f, h)
    return norm("norm", h) if config["block"] == "pre" else h


def variants():
    parameters = make_parameters()
    ids = torch.randint(0, VOCABULARY, (BATCH, TIME), generator=generator)
    targets = torch.randint(0, VOCABULARY, (BATCH, TIME), generator=generator)
    padded = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]).bool()
    pairs = [(1, 7), (3, 0), (5, 12)]  # (index into batch * time, target id): positions 1 and 3 of row 0, 0 of row 1
    result = []
    for block in ("pre", "post", "tutorial"):
        for kind in ("learned", "sinusoidal"):
            for activation in ("relu", "gelu", "gelu-tanh"):
                for causal in (True, False):
                    config = {
                        "vocabulary": VOCABULARY, "hidden": HIDDEN, "layers": LAYERS, "heads": HEADS, "inner": INNER, "positions": POSITIONS, "block": block,
                        "causal": causal, "positionKind": kind, "activation": activation, "dropout": 0, "normEpsilon": 1e-12 if block == "post" else 1e-5, "segments": 0,
                    }
                    absent = {"learned": (), "sinusoidal": ("embeddings.position.",)}[kind]
                    absent += {"pre": ("embeddings.norm.",), "post": ("norm.",), "tutorial": ("embeddings.norm.", "norm.")}[block]
                    used = {path: t.clone().requires_grad_() for path, t in parameters.items() if not path.startswith(absent)}
                    visible = torch.ones(BATCH, TIME, dtype=torch.bool) if causal else padded
                    hidden = forward(used, config, ids, visible)
                    logits = (hidden @ used["embeddings.token.weight"].T).reshape(BATCH * TIME, VOCABULARY)
                    if causal:
                        loss = F.cross_entropy(logits, targets.reshape(-1))
                    else:
                        loss = F.cross_entropy(logits[[a for a, _ in pairs]], torch.tensor([b for _, b in pairs]))
                    loss.backward()
                    name = f"{block}-{kind}-{activation}-{'causal' if causal else 'bidirectional'}"
                    entry = {
                        "name": name, "config": config, "parameters": list(used), "hidden": listed(hidden), "loss": digits(loss.item()),
                        "gradients": {path: summary(t.grad) for path, t in used.items()},
                    }
                    if name in ("pre-learned-gelu-tanh-causal", "post-learned-gelu-bidirectional"):
                        entry["fullGradients"] = {path: listed(t.grad) for path, t in used.items()}
                    result.append(entry)
    write("transformers.json", {
        "batch": BATCH, "time": TIME, "ids": ids.reshape(-1).tolist(), "targets": targets.reshape(-1).tolist(),
        "visible": padded.int().reshape(-1).tolist(), "pairs": [{"position": a, "target": b} for a, b in pairs],
        "parameters": {path: {"shape": list(t.shape), "data": listed(t)} for path, t in parameters.items()}, "variants": result,
    })


def randomize(model):
    """Fills a model of `transformers` with numbers large enough that a slip shows; norms stay near one."""
    for name, parameter in model.named_parameters():
        is_gain = name.endswith("weight") and parameter.dim() == 1
        parameter.data = random(tuple(parameter.shape), 0.2 if parameter.dim() == 1 else 0.35, 1.0 if is_gain else 0.0)
    return model.double().eval()


def state(model):
    return {n: {"shape": list(t.shape), "data": listed(t)} for n, t in model.named_parameters()}


def hugging_face():
    from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel

    ids = torch.randint(0, VOCABULARY, (BATCH, TIME), generator=generator)
    segments = torch.tensor([[0, 0, 1, 1, 1], [0, 0, 1, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    settings = {"vocab_size": VOCABULARY, "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "intermediate_size": INNER,
                "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12}
    bert = randomize(BertModel(BertConfig(**settings, attn_implementation="eager")))
    out = bert(input_ids=ids, attention_mask=mask, token_type_ids=segments, output_hidden_states=True)
    write("hf-bert.json", {
        "config": {"model_type": "bert", "architectures": ["BertModel"], **settings}, "batch": BATCH, "time": TIME, "inputIds": ids.reshape(-1).tolist(),
        "tokenTypeIds": segments.reshape(-1).tolist(), "attentionMask": mask.reshape(-1).tolist(), "parameters": state(bert),
        "hiddenStates": [listed(h) for h in out.hidden_states], "lastHiddenState": listed(out.last_hidden_state), "poolerOutput": listed(out.pooler_output),
    })
    settings = {"vocab_size": VOCABULARY, "n_embd": HIDDEN, "n_layer": LAYERS, "n_head": HEADS, "n_inner": INNER, "n_positions": POSITIONS,
                "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "tie_word_embeddings": True}
    gpt = randomize(GPT2LMHeadModel(GPT2Config(**settings, bos_token_id=0, eos_token_id=0, attn_implementation="eager")))
    assert gpt.lm_head.weight is gpt.transformer.wte.weight
    out = gpt(input_ids=ids, labels=ids, output_hidden_states=True)
    out.loss.backward()
    write("hf-gpt2.json", {
        "config": {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], **settings}, "batch": BATCH, "time": TIME, "inputIds": ids.reshape(-1).tolist(),
        "parameters": state(gpt), "hiddenStates": [listed(h) for h in out.hidden_states], "logits": listed(out.logits), "loss": digits(out.loss.item()),
        "gradients": {n: summary(t.grad) for n, t in gpt.named_parameters()},
    })


variants()
hugging_face()
