"""OpenVINO: WEIGHTS is the exported model; PRECISION is float32 or bfloat16. A batch is shared among one stream a thread,
which is faster than threads that share every product, unless it cannot be."""

import openvino as ov

from serve import arguments, serve

model, pictures, threads, batch, precision, _ = arguments()
streams = threads if batch % threads == 0 else 1
part = batch // streams
core = ov.Core()
graph = core.read_model(model)
graph.reshape([part, 224, 224, 3])
compiled = core.compile_model(graph, "CPU", {
    "INFERENCE_NUM_THREADS": threads,
    "NUM_STREAMS": streams,
    "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
})
requests = [compiled.create_infer_request() for _ in range(streams)]


def encode(pixels):
    for i, request in enumerate(requests):
        request.start_async({0: pixels[i * part : (i + 1) * part]}, share_inputs=True)
    for request in requests:
        request.wait()
    return [request.results[0] for request in requests]


serve(encode, pictures, batch)
