"""PyTorch: MODE is eager, or compiled (torch.compile with frozen weights). PRECISION is float32, bfloat16 (all of the
encoder), or autocast (to bfloat16). The head and the lookup stay in float32, as they do upstream."""

import torch

from model import load
from serve import arguments, serve

weights, pictures, threads, batch, precision, mode = arguments()
torch.set_num_threads(threads)
model = load(weights)
if precision == "bfloat16":
    model.bfloat16()
run = model
if mode == "compiled":
    import torch._inductor.config

    torch._inductor.config.freezing = True
    run = torch.compile(model, dynamic=False)


def encode(batch):
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "autocast"):
        return run(torch.from_numpy(batch)).numpy()


serve(encode, pictures, batch)
