"""ONNX Runtime, float32: WEIGHTS is the exported model."""

import onnxruntime as ort

from serve import arguments, serve

model, pictures, threads, batch, _, _ = arguments()
options = ort.SessionOptions()
options.intra_op_num_threads = threads
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
options.add_free_dimension_override_by_name("n", batch)
session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
serve(lambda pixels: session.run(None, {"pixels": pixels})[0], pictures, batch)
