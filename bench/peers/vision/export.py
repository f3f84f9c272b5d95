"""Writes the model as ONNX, with a free batch size: export.py WEIGHTS MODEL.onnx"""

import sys

import torch

from model import load

pixels = torch.zeros(2, 224, 224, 3, dtype=torch.uint8)
torch.onnx.export(
    load(sys.argv[1]), (pixels,), sys.argv[2], input_names=["pixels"], output_names=["codes"], opset_version=18,
    dynamic_axes={"pixels": {0: "n"}, "codes": {0: "n"}}, dynamo=False,
)
