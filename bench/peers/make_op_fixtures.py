"""Writes packages/tensor/fixtures/ops.json: values and gradients of every operation, as PyTorch computes them.

Run: bench/.venv/bin/python bench/peers/make_op_fixtures.py
A case is { op, name, attrs, inputs: [{name, dtype, shape, data}], outputs: [{dtype, shape, data}], weights, gradients: [{input, shape, data}] };
the gradients are those of sum(outputs[0] * weights) with respect to each float input (absent where the operation has none).
Everything is computed in float64 and written with 9 significant digits, so a float32 engine is compared with the truth.
"""
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(20190602)
cases = []


def normal(*shape):
    """Standard normal numbers, rounded to float32 so that the stored text and the tensor are the same number."""
    return torch.randn(shape, generator=generator, dtype=torch.float64).float().double()


def positive(*shape):
    return (normal(*shape).abs() + 0.3).float().double()


def integers(high, *shape):
    return torch.randint(0, high, shape, generator=generator, dtype=torch.int32)


def distinct(*shape):
    """Numbers at least 0.1 apart, so that orderings, maxima and their gradients are unambiguous."""
    count = math.prod(shape)
    order = torch.randperm(count, generator=generator).double()
    return ((order - count / 2 + 0.25) * 0.11).float().double().reshape(shape)


def truths(*shape):
    return torch.rand(shape, generator=generator) > 0.5


def digits(value):
    return float(f"{value:.9g}")


def listed(tensor):
    flat = tensor.detach().reshape(-1).tolist()
    if tensor.dtype == torch.bool:
        return [bool(v) for v in flat]
    if not tensor.dtype.is_floating_point:
        return [int(v) for v in flat]
    assert all(math.isfinite(v) for v in flat), "fixtures must be finite"
    return [digits(v) for v in flat]


def dtype_of(tensor):
    if tensor.dtype == torch.bool:
        return "bool"
    return "f32" if tensor.dtype.is_floating_point else "i32"


def case(op, name, inputs, compute, attrs=None, gradient=True):
    """Adds one case. `inputs` is {name: tensor}; `compute` gets the tensors in order and returns one tensor or a tuple."""
    exact = [t.float().double() if t.dtype.is_floating_point else t.clone() for t in inputs.values()]
    tensors = [t.requires_grad_() if gradient and t.dtype.is_floating_point else t for t in exact]
    result = compute(*tensors)
    outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    for t in tensors + outputs:
        assert t.numel() <= 60, f"{op} {name}: {t.numel()} elements"
    entry = {
        "op": op,
        "name": name,
        "attrs": attrs or {},
        "inputs": [{"name": n, "dtype": dtype_of(t), "shape": list(t.shape), "data": listed(t)} for n, t in zip(inputs, tensors)],
        "outputs": [{"dtype": dtype_of(t), "shape": list(t.shape), "data": listed(t)} for t in outputs],
    }
    if gradient and outputs[0].requires_grad:
        weights = normal(*outputs[0].shape)
        wanted = [i for i, t in enumerate(tensors) if t.requires_grad]
        grads = torch.autograd.grad((outputs[0] * weights).sum(), [tensors[i] for i in wanted], allow_unused=True)
        entry["weights"] = listed(weights)
        entry["gradients"] = [
            {"input": i, "shape": list(tensors[i].shape), "data": listed(g if g is not None else torch.zeros_like(tensors[i]))}
            for i, g in zip(wanted, grads)
        ]
    else:
        entry["gradients"] = []
    cases.append(entry)


def elementwise():
    pairs = [("same shape", (2, 3), (2, 3)), ("row broadcast", (2, 3, 4), (4,)), ("both broadcast", (2, 1, 3), (4, 1)), ("scalar", (), (3, 2))]
    binary = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "maximum": torch.maximum, "minimum": torch.minimum}
    for op, f in binary.items():
        for name, a, b in pairs:
            case(op, name, {"a": normal(*a), "b": normal(*b)}, f)
    for name, a, b in pairs:
        case("div", name, {"a": normal(*a), "b": positive(*b)}, torch.div)
    case("div", "negative divisor", {"a": normal(2, 1, 1, 3), "b": -positive(2, 2, 1)}, torch.div)
    for name, a, b in pairs:
        case("pow", name, {"a": positive(*a), "b": normal(*b)}, torch.pow)
    x4 = (2, 1, 3, 2)
    unary = {
        "neg": torch.neg, "exp": torch.exp, "abs": torch.abs, "sign": torch.sign, "sin": torch.sin, "cos": torch.cos, "erf": torch.erf,
        "tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": F.relu, "softplus": F.softplus, "gelu": F.gelu,
        "gelu-tanh": lambda x: F.gelu(x, approximate="tanh"), "quick-gelu": lambda x: x * torch.sigmoid(1.702 * x), "silu": F.silu,
        "square": torch.square,
    }
    for op, f in unary.items():
        case(op, "vector", {"x": normal(7)}, f)
        case(op, "rank 4", {"x": normal(*x4) * 2}, f)
        if op in ("tanh", "sigmoid", "softplus", "gelu", "gelu-tanh", "quick-gelu", "silu", "erf"):
            case(op, "large values", {"x": torch.tensor([-30.0, -8.0, -3.0, 0.0, 3.0, 8.0, 30.0], dtype=torch.float64)}, f)
    for op, f in {"log": torch.log, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal}.items():
        case(op, "vector", {"x": positive(7)}, f)
        case(op, "rank 4", {"x": positive(*x4)}, f)
    case("reciprocal", "negative", {"x": -positive(2, 3)}, torch.reciprocal)
    case("clip", "both bounds", {"x": distinct(3, 5)}, lambda x: torch.clamp(x, -0.5, 0.4), {"min": -0.5, "max": 0.4})
    case("clip", "lower bound", {"x": distinct(2, 2, 4)}, lambda x: torch.clamp(x, min=-0.2), {"min": -0.2})
    case("clip", "upper bound", {"x": distinct(9)}, lambda x: torch.clamp(x, max=0.1), {"max": 0.1})


def products():
    shapes = [("2-D", (3, 4), (4, 2)), ("batched", (2, 2, 3), (2, 3, 4)), ("broadcast batch", (2, 1, 2, 3), (3, 3, 2)), ("batched by 2-D", (2, 3, 4), (4, 2))]

    def turned(shape, turn):
        return (*shape[:-2], shape[-1], shape[-2]) if turn else shape

    for name, a, b in shapes:
        for ta, tb in [(False, False), (True, False), (False, True), (True, True)]:
            def f(x, y, ta=ta, tb=tb):
                return torch.matmul(x.mT if ta else x, y.mT if tb else y)
            label = name + (", transA" if ta else "") + (", transB" if tb else "")
            case("matmul", label, {"a": normal(*turned(a, ta)), "b": normal(*turned(b, tb))}, f, {"transA": ta, "transB": tb})
    linear = lambda x, w, b=None: x @ w if b is None else x @ w + b
    case("linear", "2-D", {"x": normal(3, 4), "w": normal(4, 2), "b": normal(2)}, linear)
    case("linear", "3-D", {"x": normal(2, 3, 4), "w": normal(4, 5), "b": normal(5)}, linear)
    case("linear", "without bias", {"x": normal(2, 3, 4), "w": normal(4, 3)}, linear)


def reductions():
    settings = [("last axis", (2, 3, 4), [-1], False), ("keepdims", (2, 3, 4), [1], True), ("two axes", (2, 3, 2, 2), [0, -1], False), ("all", (3, 4), [0, 1], False)]
    reduce = {
        "sum": lambda x, axes, keep: x.sum(axes, keepdim=keep), "mean": lambda x, axes, keep: x.mean(axes, keepdim=keep),
        "max": lambda x, axes, keep: x.amax(axes, keepdim=keep), "min": lambda x, axes, keep: x.amin(axes, keepdim=keep),
        "logsumexp": lambda x, axes, keep: torch.logsumexp(x, axes, keepdim=keep),
        "variance": lambda x, axes, keep: x.var(axes, correction=0, keepdim=keep),
    }

    def product(x, axes, keep):
        for axis in sorted([a % x.dim() for a in axes], reverse=True):
            x = x.prod(axis, keepdim=keep)
        return x

    reduce["prod"] = product
    for op, f in reduce.items():
        for name, shape, axes, keep in settings:
            make = distinct if op in ("max", "min") else normal
            case(op, name, {"x": make(*shape)}, lambda x, f=f, axes=axes, keep=keep: f(x, axes, keep), {"axes": axes, "keepdims": keep})
    case("prod", "one zero", {"x": torch.tensor([[2.0, 0.0, -3.0], [1.5, -0.5, 2.0]], dtype=torch.float64)}, lambda x: x.prod(1), {"axes": [1], "keepdims": False})
    case("logsumexp", "large values", {"x": normal(2, 3) * 50 + 200}, lambda x: torch.logsumexp(x, -1), {"axes": [-1], "keepdims": False})
    case("argmax", "last axis", {"x": distinct(3, 5)}, lambda x: x.argmax(-1).int(), {"axis": -1, "keepdims": False}, gradient=False)
    case("argmax", "keepdims", {"x": distinct(2, 3, 4)}, lambda x: x.argmax(1, keepdim=True).int(), {"axis": 1, "keepdims": True}, gradient=False)
    for op, f in {"softmax": torch.softmax, "log-softmax": torch.log_softmax}.items():
        case(op, "last axis", {"x": normal(3, 5)}, lambda x, f=f: f(x, -1), {"axis": -1})
        case(op, "middle axis", {"x": normal(2, 3, 4)}, lambda x, f=f: f(x, 1), {"axis": 1})
        case(op, "large values", {"x": normal(2, 2, 1, 6) * 40 + 100}, lambda x, f=f: f(x, -1), {"axis": -1})


def normalisation():
    for name, shape, eps in [("2-D", (3, 6), 1e-5), ("3-D", (2, 3, 8), 1e-12), ("large epsilon", (4, 5), 0.1)]:
        d = shape[-1]
        case("layer-norm", name, {"x": normal(*shape), "gain": normal(d), "bias": normal(d)},
             lambda x, g, b, d=d, eps=eps: F.layer_norm(x, (d,), g, b, eps), {"epsilon": eps})
        case("rms-norm", name, {"x": normal(*shape), "gain": normal(d)},
             lambda x, g, eps=eps: x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * g, {"epsilon": eps})
    case("layer-norm", "far from zero", {"x": normal(2, 8) * 0.5 + 20, "gain": normal(8), "bias": normal(8)},
         lambda x, g, b: F.layer_norm(x, (8,), g, b, 1e-5), {"epsilon": 1e-5})


def attend(q, k, v, mask=None, causal=False, scale=None):
    """softmax(scale * q k^T + mask) v, written out (the reference has no kernel of its own)."""
    scores = q @ k.mT * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)  # [batch, heads, tq, tk]
    if causal:
        tq, tk = scores.shape[-2:]
        scores = scores.masked_fill(~torch.ones(tq, tk, dtype=torch.bool).tril(tk - tq), -math.inf)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    return torch.softmax(scores, -1) @ v


def attention():
    def three(b=2, h=2, tq=3, tk=3, d=4, dv=None):
        return {"q": normal(b, h, tq, d), "k": normal(b, h, tk, d), "v": normal(b, h, tk, dv or d)}

    root = 1 / math.sqrt(4)
    case("attention", "plain", three(), attend, {"causal": False, "scale": digits(root)})
    case("attention", "causal", three(), lambda q, k, v: attend(q, k, v, causal=True), {"causal": True, "scale": digits(root)})
    case("attention", "other scale", three(d=2), lambda q, k, v: attend(q, k, v, scale=0.3), {"causal": False, "scale": 0.3})
    padding = torch.tensor([[True, True, True], [True, False, False]]).reshape(2, 1, 1, 3)
    case("attention", "padding mask", {**three(), "mask": padding}, attend, {"causal": False, "scale": digits(root)})
    case("attention", "padding mask and causal", {**three(), "mask": torch.tensor([[True, True, True], [True, True, False]]).reshape(2, 1, 1, 3)},
         lambda q, k, v, m: attend(q, k, v, m, causal=True), {"causal": True, "scale": digits(root)})
    square = torch.tensor([[[1, 0, 1, 0], [0, 1, 1, 0], [1, 1, 1, 1]], [[0, 0, 0, 1], [1, 1, 0, 0], [1, 0, 0, 1]]]).bool().reshape(2, 1, 3, 4)
    case("attention", "square bool mask, tq < tk", {**three(tk=4, d=3), "mask": square}, attend, {"causal": False, "scale": digits(1 / math.sqrt(3))})
    case("attention", "additive mask", {**three(tq=2, tk=4, d=3), "mask": normal(2, 1, 2, 4)}, attend, {"causal": False, "scale": digits(1 / math.sqrt(3))})


def losses():
    targets = torch.tensor([2, 0, 4, 1, 2], dtype=torch.int32)
    ignored = torch.tensor([2, -100, 4, -100, 0], dtype=torch.int32)
    for reduction in ("mean", "sum", "none"):
        def f(x, t, reduction=reduction):
            return F.cross_entropy(x, t.long(), ignore_index=-100, reduction=reduction)
        case("cross-entropy", reduction, {"logits": normal(5, 5), "targets": targets}, f, {"ignoreIndex": -100, "reduction": reduction})
        case("cross-entropy", f"{reduction}, some ignored", {"logits": normal(5, 5), "targets": ignored}, f, {"ignoreIndex": -100, "reduction": reduction})
    case("cross-entropy", "large logits", {"logits": normal(5, 5) * 60, "targets": targets}, lambda x, t: F.cross_entropy(x, t.long()), {"ignoreIndex": -100, "reduction": "mean"})


def indexing():
    def gather(axis):
        def f(table, ids):
            axis_ = axis % table.dim()
            flat = table.index_select(axis_, ids.reshape(-1).long())
            return flat.reshape(*table.shape[:axis_], *ids.shape, *table.shape[axis_ + 1:])
        return f

    case("gather", "rows, repeated ids", {"table": normal(5, 3), "ids": torch.tensor([[1, 4, 1], [0, 1, 3]], dtype=torch.int32)}, gather(0), {"axis": 0})
    case("gather", "last axis", {"table": normal(2, 3, 4), "ids": torch.tensor([3, 0, 3], dtype=torch.int32)}, gather(-1), {"axis": -1})
    case("gather", "one id", {"table": normal(4, 3), "ids": torch.tensor(2, dtype=torch.int32)}, gather(0), {"axis": 0})
    ids = torch.tensor([[0, 2], [1, 1], [2, 0]], dtype=torch.int32)
    case("gather-elements", "last axis", {"x": normal(3, 4), "ids": ids}, lambda x, i: x.gather(-1, i.long()), {"axis": -1})
    case("gather-elements", "first axis, repeated", {"x": normal(3, 2), "ids": torch.tensor([[0, 2], [0, 1], [0, 0], [2, 2]], dtype=torch.int32)}, lambda x, i: x.gather(0, i.long()), {"axis": 0})
    rows = lambda base, i, values: base.index_add(0, i.reshape(-1).long(), values.reshape(-1, *base.shape[1:]))
    case("scatter-add", "repeated ids", {"base": normal(4, 3), "ids": torch.tensor([1, 3, 1, 1, 0], dtype=torch.int32), "rows": normal(5, 3)}, rows, {"axis": 0})
    case("scatter-add", "ids of rank 2", {"base": normal(4, 2), "ids": torch.tensor([[2, 2, 0], [1, 2, 1]], dtype=torch.int32), "rows": normal(2, 3, 2)}, rows, {"axis": 0})
    case("scatter-add", "rank 3 rows", {"base": normal(3, 2, 2), "ids": torch.tensor([2, 2], dtype=torch.int32), "rows": normal(2, 2, 2)}, rows, {"axis": 0})
    hot = lambda i: F.one_hot(i.long(), 4).double()
    case("one-hot", "vector", {"ids": torch.tensor([3, 0, 2], dtype=torch.int32)}, hot, {"depth": 4}, gradient=False)
    case("one-hot", "matrix", {"ids": torch.tensor([[1, 1, 0], [2, 3, 0]], dtype=torch.int32)}, hot, {"depth": 4}, gradient=False)


def shapes():
    case("slice", "rows", {"x": normal(5, 3)}, lambda x: x[1:4], {"starts": [1], "ends": [4], "axes": [0], "steps": [1]})
    case("slice", "two axes, negative, step 2", {"x": normal(3, 7)}, lambda x: x[-2:, 0:6:2], {"starts": [-2, 0], "ends": [3, 6], "axes": [0, -1], "steps": [1, 2]})
    case("slice", "past the end", {"x": normal(2, 3, 2)}, lambda x: x[:, 1:], {"starts": [1], "ends": [1000], "axes": [1], "steps": [1]})
    case("slice", "backwards", {"x": normal(2, 5)}, lambda x: x.flip(1)[:, 0:3:2], {"starts": [4], "ends": [1], "axes": [1], "steps": [-2]})
    case("concat", "two", {"a": normal(2, 3), "b": normal(1, 3)}, lambda *t: torch.cat(t, 0), {"axis": 0})
    case("concat", "three, last axis", {"a": normal(2, 2, 1), "b": normal(2, 2, 3), "c": normal(2, 2, 2)}, lambda *t: torch.cat(t, -1), {"axis": -1})
    case("stack", "first axis", {"a": normal(2, 3), "b": normal(2, 3)}, lambda *t: torch.stack(t, 0), {"axis": 0})
    case("stack", "last axis", {"a": normal(4), "b": normal(4), "c": normal(4)}, lambda *t: torch.stack(t, -1), {"axis": -1})
    case("split", "two sizes", {"x": normal(5, 2)}, lambda x: x.split([2, 3], 0), {"sizes": [2, 3], "axis": 0})
    case("split", "three equal, last axis", {"x": normal(2, 2, 6)}, lambda x: x.split([2, 2, 2], -1), {"sizes": [2, 2, 2], "axis": -1})
    case("pad", "zeros", {"x": normal(2, 3)}, lambda x: F.pad(x, (2, 1, 1, 0)), {"before": [1, 2], "after": [0, 1], "value": 0})
    case("pad", "value", {"x": normal(2, 1, 3)}, lambda x: F.pad(x, (0, 2, 1, 1), value=-1.5), {"before": [0, 1, 0], "after": [0, 1, 2], "value": -1.5})
    case("transpose", "matrix", {"x": normal(2, 3)}, lambda x: x.permute(1, 0), {"perm": [1, 0]})
    case("transpose", "heads", {"x": normal(2, 3, 2, 4)}, lambda x: x.permute(0, 2, 1, 3), {"perm": [0, 2, 1, 3]})
    case("transpose", "rotation", {"x": normal(2, 3, 4)}, lambda x: x.permute(2, 0, 1), {"perm": [2, 0, 1]})
    case("reshape", "flatten", {"x": normal(2, 3, 2)}, lambda x: x.reshape(12), {"shape": [12]})
    case("reshape", "inferred", {"x": normal(4, 6)}, lambda x: x.reshape(4, -1, 2), {"shape": [4, -1, 2]})
    case("expand", "new axes", {"x": normal(1, 3)}, lambda x: x.expand(2, 4, 3), {"shape": [2, 4, 3]})
    case("expand", "inner axis", {"x": normal(2, 1, 3)}, lambda x: x.expand(2, 4, 3), {"shape": [2, 4, 3]})
    case("squeeze", "one axis", {"x": normal(2, 1, 3)}, lambda x: x.squeeze(1), {"axes": [1]})
    case("squeeze", "negative axes", {"x": normal(1, 3, 1, 1)}, lambda x: x.squeeze((0, -1)), {"axes": [0, -1]})
    case("unsqueeze", "front", {"x": normal(3)}, lambda x: x.unsqueeze(0), {"axes": [0]})
    case("unsqueeze", "two axes", {"x": normal(2, 3)}, lambda x: x.unsqueeze(1).unsqueeze(3), {"axes": [1, -1]})
    case("flip", "last axis", {"x": normal(2, 4)}, lambda x: x.flip(-1), {"axes": [-1]})
    case("flip", "two axes", {"x": normal(2, 3, 2)}, lambda x: x.flip((0, 2)), {"axes": [0, 2]})


def logic():
    case("where", "same shape", {"condition": truths(2, 3), "a": normal(2, 3), "b": normal(2, 3)}, torch.where)
    case("where", "broadcast", {"condition": truths(2, 1, 3), "a": normal(4, 1), "b": normal(1)}, torch.where)
    for op, f in {"equal": torch.eq, "less": torch.lt, "greater": torch.gt}.items():
        case(op, "floats", {"a": normal(2, 3), "b": normal(3)}, f, gradient=False)
        case(op, "integers", {"a": integers(3, 2, 4), "b": integers(3, 2, 1)}, f, gradient=False)
    for op, f in {"and": torch.logical_and, "or": torch.logical_or}.items():
        case(op, "same shape", {"a": truths(2, 4), "b": truths(2, 4)}, f, gradient=False)
        case(op, "broadcast", {"a": truths(2, 1, 3), "b": truths(4, 1)}, f, gradient=False)
    case("not", "vector", {"x": truths(5)}, torch.logical_not, gradient=False)
    case("not", "rank 3", {"x": truths(2, 1, 3)}, torch.logical_not, gradient=False)
    case("cast", "bool to f32", {"x": truths(2, 3)}, lambda x: x.double(), {"to": "f32"}, gradient=False)
    case("cast", "i32 to f32", {"x": integers(9, 5)}, lambda x: x.double(), {"to": "f32"}, gradient=False)
    case("cast", "f32 to i32, towards zero", {"x": torch.tensor([-1.75, -0.5, 0.25, 2.0, 3.75], dtype=torch.float64)}, lambda x: x.int(), {"to": "i32"}, gradient=False)
    case("cast", "i32 to bool", {"x": integers(2, 2, 4)}, lambda x: x.bool(), {"to": "bool"}, gradient=False)


def orderings():
    def cumsum(axis, reverse, exclusive):
        def f(x):
            y = x.flip(axis) if reverse else x
            y = y.cumsum(axis) - (y if exclusive else 0)
            return y.flip(axis) if reverse else y
        return f

    for name, shape, axis, reverse, exclusive in [("last axis", (2, 4), -1, False, False), ("reverse", (3, 4), 0, True, False), ("exclusive", (2, 3, 3), 1, False, True), ("reverse and exclusive", (5,), 0, True, True)]:
        case("cumsum", name, {"x": normal(*shape)}, cumsum(axis, reverse, exclusive), {"axis": axis, "reverse": reverse, "exclusive": exclusive})

    def top(k, axis):
        def f(x):
            values, ids = x.topk(k, axis)
            return values, ids.int()
        return f

    case("top-k", "last axis", {"x": distinct(3, 5)}, top(2, -1), {"k": 2, "axis": -1})
    case("top-k", "first axis", {"x": distinct(4, 3)}, top(3, 0), {"k": 3, "axis": 0})
    case("top-k", "rank 3", {"x": distinct(2, 4, 2)}, top(1, 1), {"k": 1, "axis": 1})
    triangle = lambda tq, tk: lambda: torch.ones(tq, tk, dtype=torch.bool).tril(tk - tq)
    case("causal-mask", "square", {}, triangle(4, 4), {"queries": 4, "keys": 4}, gradient=False)
    case("causal-mask", "more keys than queries", {}, triangle(2, 5), {"queries": 2, "keys": 5}, gradient=False)


def windows():
    def convolve(x, kernel, bias=None, stride=1, dilation=1, padding=0):
        weight = kernel.permute(2, 1, 0)  # [out, in, width]
        return F.conv1d(x.mT, weight, bias, stride=stride, dilation=dilation, padding=padding).mT

    for name, attrs in [("plain", {}), ("stride 2", {"stride": 2}), ("dilation 2, padded", {"dilation": 2, "padding": 2}), ("same length", {"padding": "same"})]:
        case("convolution", name, {"x": normal(2, 7, 3), "kernel": normal(3, 3, 4), "bias": normal(4)}, lambda x, k, b, attrs=attrs: convolve(x, k, b, **attrs), attrs)
    case("convolution", "even width, same length", {"x": normal(1, 5, 2), "kernel": normal(4, 2, 2)}, lambda x, k: convolve(x, k, padding="same"), {"padding": "same"})
    case("max-pool", "windows of 2", {"x": distinct(2, 6, 3)}, lambda x: F.max_pool1d(x.mT, 2).mT, {"size": 2, "stride": 2})
    case("max-pool", "overlapping", {"x": distinct(1, 7, 2)}, lambda x: F.max_pool1d(x.mT, 3, stride=2).mT, {"size": 3, "stride": 2})
    case("mean-pool", "overlapping", {"x": normal(1, 7, 2)}, lambda x: F.avg_pool1d(x.mT, 3, stride=2).mT, {"size": 3, "stride": 2})


def statistics():
    def batch(x, gain, bias, mean, variance):
        mean, variance = mean.detach().clone(), variance.detach().clone()
        y = F.batch_norm(x, mean, variance, gain, bias, training=True, momentum=0.1, eps=1e-5)
        return y, mean, variance

    case("batch-norm", "training", {"x": normal(5, 3), "gain": normal(3), "bias": normal(3), "mean": normal(3), "variance": positive(3)}, batch, {"momentum": 0.1, "epsilon": 1e-5})
    case("batch-norm", "evaluation", {"x": normal(4, 3), "gain": normal(3), "bias": normal(3), "mean": normal(3), "variance": positive(3)},
         lambda x, g, b, m, v: (x - m) / torch.sqrt(v + 1e-5) * g + b, {"epsilon": 1e-5, "evaluation": True})
    segments = torch.tensor([2, 0, 2, 1, 2], dtype=torch.int32)
    case("segment-sum", "repeated", {"x": normal(5, 3), "segments": segments}, lambda x, s: torch.zeros(4, 3, dtype=x.dtype).index_add(0, s.long(), x), {"count": 4})
    case("segment-mean", "repeated, one empty", {"x": normal(5, 3), "segments": segments},
         lambda x, s: torch.zeros(4, 3, dtype=x.dtype).index_add(0, s.long(), x) / torch.bincount(s.long(), minlength=4).clamp(min=1)[:, None], {"count": 4})
    sort = lambda descending: lambda x: tuple(f(t) for f, t in zip((lambda v: v, lambda i: i.int()), x.sort(-1, descending=descending)))
    case("sort", "ascending", {"x": distinct(3, 5)}, sort(False), {"descending": False})
    case("sort", "descending", {"x": distinct(2, 4)}, sort(True), {"descending": True})

    def polar(x):
        u, _, vh = torch.linalg.svd(x, full_matrices=False)
        return u @ vh

    case("orthogonalize", "wide", {"x": normal(3, 5)}, polar, {"steps": 25})
    case("orthogonalize", "tall", {"x": normal(4, 2)}, polar, {"steps": 25})


def more():
    """Operations and settings that came later; at the end, so that the random numbers of the cases above stay."""
    for name, slope in [("small slope", 0.01), ("large slope", 0.3)]:
        case("leaky-relu", name, {"x": distinct(3, 4)}, lambda x, slope=slope: F.leaky_relu(x, slope), {"slope": slope})
    for op, f in {"lessEqual": torch.le, "greaterEqual": torch.ge}.items():
        case(op, "floats", {"a": normal(2, 3), "b": normal(3)}, f, gradient=False)
        case(op, "integers", {"a": integers(3, 2, 4), "b": integers(3, 2, 1)}, f, gradient=False)
    case("pow", "zeros", {"a": torch.tensor([0.0, 0.0, 0.0, 2.0], dtype=torch.float64), "b": torch.tensor([2.0, 1.5, 3.0, 0.0], dtype=torch.float64)}, torch.pow)
    case("matmul", "alpha", {"a": normal(3, 2), "b": normal(4, 2)}, lambda a, b: 0.5 * a @ b.T, {"transA": False, "transB": True, "alpha": 0.5})
    case("matmul", "alpha, batched", {"a": normal(2, 2, 3), "b": normal(2, 2, 4)}, lambda a, b: -2 * a.mT @ b, {"transA": True, "transB": False, "alpha": -2})
    for name, axes, keep in [("all", [0, 1], False), ("last axis", [1], False), ("keepdims", [0], True)]:
        case("norm", name, {"x": normal(3, 4)}, lambda x, axes=axes, keep=keep: torch.linalg.vector_norm(x, dim=axes, keepdim=keep), {"axes": axes, "keepdims": keep})
    case("norm", "a row of zeros", {"x": torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.float64)}, lambda x: torch.linalg.vector_norm(x, dim=1), {"axes": [1], "keepdims": False})
    for diagonal in (0, 1, -1):
        case("lower-triangle", f"diagonal {diagonal}", {"x": normal(2, 3, 4)}, lambda x, diagonal=diagonal: x.tril(diagonal), {"diagonal": diagonal})

    def probabilities(q, k, v):
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        scores = scores.masked_fill(~torch.ones(scores.shape[-2:], dtype=torch.bool).tril(), -math.inf)
        p = torch.softmax(scores, -1)
        return p @ v, p

    qkv = lambda: {"q": normal(2, 1, 3, 4), "k": normal(2, 1, 3, 4), "v": normal(2, 1, 3, 4)}
    case("attention-probabilities", "causal", qkv(), probabilities, {"causal": True})
    case("attention-dropout", "rate 0.5", {**qkv(), "kept": truths(2, 1, 3, 3)},
         lambda q, k, v, kept: torch.where(kept, torch.softmax(q @ k.mT / 2, -1) * 2, 0) @ v, {"rate": 0.5})
    targets = torch.tensor([2, 0, 3, 1, 2], dtype=torch.int32)
    ignored = torch.tensor([-100, 0, 3, -100, 2], dtype=torch.int32)
    for chunks, labels, name in [(1, targets, "one chunk"), (1, ignored, "some ignored"), (2, ignored, "two chunks, some ignored"), (3, targets, "three chunks")]:
        for reduction in ("mean", "sum"):
            def f(x, table, t, bias=None, reduction=reduction):
                logits = x @ table.T if bias is None else x @ table.T + bias
                return F.cross_entropy(logits, t.long(), ignore_index=-100, reduction=reduction)
            attrs = {"chunks": chunks, "ignoreIndex": -100, "reduction": reduction}
            case("linear-cross-entropy", f"{name}, {reduction}", {"x": normal(5, 3), "table": normal(4, 3), "targets": labels}, f, attrs)
            case("linear-cross-entropy", f"{name}, bias, {reduction}", {"x": normal(5, 3), "table": normal(4, 3), "targets": labels, "bias": normal(4)}, f, attrs)


for family in (elementwise, products, reductions, normalisation, attention, losses, indexing, shapes, logic, orderings, windows, statistics, more):
    family()
target = Path(__file__).resolve().parents[2] / "packages/tensor/fixtures/ops.json"
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(f"{len(cases)} cases of {len({c['op'] for c in cases})} operations, {target.stat().st_size} bytes -> {target}")
