"""ONNX's own checker for `onnx-check`: is a model that the engine wrote a valid one, and does it mean what it should?

Run: python onnx_check.py
Request {"model": base64, "feeds"?: {name: {"dtype": "f32"|"i32"|"i64"|"bool", "shape": [...], "data": [...]}}, "outputs"?: [name, ...]}.
Answer {"valid": bool, "problem"?, "nodes", "foreign": nodes outside of the standard, "opset", "ir", "values"?: {name: [...]}}.
The check is onnx.checker.check_model(full_check=True): the schema of every node, and strict inference of types and shapes. A node of a domain
that ONNX does not know has no schema: of such nodes only the structure is checked, and what follows from them has no inferred shape. With feeds the
model is computed as well, by ONNX's reference implementation in NumPy; null stands where that overflows (its log-softmax is ln of a softmax).
"""
import base64
import math

import numpy
import onnx
from onnx.reference import ReferenceEvaluator
from protocol import serve

TYPES = {"f32": numpy.float32, "i32": numpy.int32, "i64": numpy.int64, "bool": numpy.bool_}


def compute(model, feeds, outputs):
    arrays = {name: numpy.array(x["data"], TYPES[x["dtype"]]).reshape(x["shape"]) for name, x in feeds.items()}
    results = ReferenceEvaluator(model).run(outputs, arrays)
    listed = lambda value: [x if math.isfinite(x) else None for x in numpy.asarray(value).astype(float).reshape(-1).tolist()]
    return {name: listed(value) for name, value in zip(outputs, results)}


def nodes_of(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from nodes_of(attribute.g)


def handle(request):
    model = onnx.load_from_string(base64.b64decode(request["model"]))
    nodes = list(nodes_of(model.graph))
    answer = {
        "valid": True,
        "nodes": len(nodes),
        "foreign": sum(node.domain not in ("", "ai.onnx") for node in nodes),
        "opset": next(entry.version for entry in model.opset_import if entry.domain == ""),
        "ir": model.ir_version,
    }
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # the checker's and the inference's errors have no class in common
        answer.update(valid=False, problem=str(error).strip())
        return answer
    if "feeds" in request:
        answer["values"] = compute(model, request["feeds"], request["outputs"])
    return answer


serve(handle)
