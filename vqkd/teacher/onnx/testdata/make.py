#!/usr/bin/env python3
"""Makes the small models of the tests beside it, and what ONNX Runtime's own Python binding says of them.

    pip install onnx==1.23.2 onnxruntime==1.32.0 && ./make.py

Weights are a formula that onnx_test.go has too. Each model cuts pictures into patches by a convolution, puts a bend and
a linear layer behind it, and gives the grid in another form.
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
WIDTH, DIM = 8, 6


def formula(n, salt, scale):
    """n numbers in [-scale, scale], the same as in Go."""
    i = np.arange(n, dtype=np.int64)
    return (((i * 7919 + salt * 104729) % 2001 - 1000) / 1000 * scale).astype(np.float32)


def model(name, patch, side, tail, outputs, batch=1, external=False, inputs=1):
    weights = {
        "conv.w": formula(WIDTH * 3 * patch * patch, 1, 0.1).reshape(WIDTH, 3, patch, patch),
        "conv.b": formula(WIDTH, 2, 0.3),
        "linear.w": formula(WIDTH * DIM, 3, 0.7).reshape(WIDTH, DIM),
        "linear.b": formula(DIM, 4, 0.3),
        "rows": np.array([0, WIDTH, -1], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["pixels", "conv.w", "conv.b"], ["cut"], strides=[patch, patch]),
        helper.make_node("Tanh", ["cut"], ["bent"]),
        helper.make_node("Reshape", ["bent", "rows"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["tokens"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["tokens", "linear.w"], ["product"]),
        helper.make_node("Add", ["product", "linear.b"], ["patches"]),
    ] + tail(weights)
    given = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [batch, 3, side, side])]
    given += [helper.make_tensor_value_info(f"extra{i}", TensorProto.FLOAT, [1]) for i in range(1, inputs)]
    graph = helper.make_graph(
        nodes, name, given,
        [helper.make_tensor_value_info(o, TensorProto.FLOAT, shape) for o, shape in outputs.items()],
        [numpy_helper.from_array(w, k) for k, w in weights.items()])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name="make.py")
    onnx.checker.check_model(m)
    path = HERE / f"{name}.onnx"
    if external:
        (HERE / f"{name}.weights").unlink(missing_ok=True)
        onnx.save(m, path, save_as_external_data=True, location=f"{name}.weights", size_threshold=1024)
    else:
        onnx.save(m, path)
    return path


def with_class(weights):
    weights["class"] = formula(DIM, 5, 1).reshape(1, 1, DIM)
    return [helper.make_node("Concat", ["class", "patches"], ["last_hidden_state"], axis=1),
            helper.make_node("ReduceMean", ["patches"], ["pooled"], axes=[1], keepdims=0)]


def plain(weights):
    return [helper.make_node("Identity", ["patches"], ["features"])]


def grid(weights):
    weights["map"] = np.array([0, DIM, 4, 4], dtype=np.int64)
    return [helper.make_node("Transpose", ["patches"], ["turned"], perm=[0, 2, 1]),
            helper.make_node("Reshape", ["turned", "map"], ["grid"])]


model("tokens", 8, 32, with_class, {"pooled": [1, DIM], "last_hidden_state": [1, 17, DIM]})
model("any", 8, "side", plain, {"features": ["batch", "patches", DIM]}, batch="batch")
model("map", 16, 64, grid, {"grid": [1, DIM, 4, 4]})
model("beside", 8, 32, plain, {"features": [1, 16, DIM]}, external=True)
model("two", 8, 32, plain, {"features": [1, 16, DIM]}, inputs=2)

expected = {}
for name, side in [("tokens", 32), ("any", 32), ("map", 64), ("beside", 32)]:
    session = onnxruntime.InferenceSession(str(HERE / f"{name}.onnx"), providers=["CPUExecutionProvider"])
    picture = formula(3 * side * side, 6, 2).reshape(1, 3, side, side)
    out = session.run([session.get_outputs()[-1].name], {"pixels": picture})[0]
    expected[name] = {"shape": list(out.shape), "values": [round(float(v), 7) for v in out.reshape(-1)]}
(HERE / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
