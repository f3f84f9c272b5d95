"""OpenVINO: WEIGHTS is the exported model; PRECISION is float32 or bfloat16."""

import openvino as ov

from serve import arguments, serve

model, pictures, threads, batch, precision, _ = arguments()
core = ov.Core()
graph = core.read_model(model)
graph.reshape([batch, 224, 224, 3])
compiled = core.compile_model(graph, "CPU", {
    "INFERENCE_NUM_THREADS": threads,
    "NUM_STREAMS": 1,
    "PERFORMANCE_HINT": "LATENCY",
    "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
})
request = compiled.create_infer_request()
serve(lambda pixels: request.infer([pixels], share_inputs=True)[0], pictures, batch)
