"""Codes of grids other than a file's own, by PyTorch: expect.json beside this file.

    python -m venv venv && venv/bin/pip install torch numpy pillow && venv/bin/python make.py

The model is written here from its description alone: ViT without a norm behind the blocks, class token dropped, fc_norm,
two linear layers with tanh, unit length, nearest row. Its weights are the formula of package vqkd/formula.
Before it writes anything it must give the codes of ../vqkd_tiny_codes.jsonl, which the public implementation computed.
"""
import json, math, os
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
PICTURES = os.path.join(HERE, "../../../pixels/testdata")
M = 2**64


def formula(name, shape, scale, base, seed=1):
    h = 0xCBF29CE484222325
    for c in name.encode():
        h = (h ^ c) * 0x100000001B3 % M
    n = math.prod(shape)
    with np.errstate(over="ignore"):
        z = np.uint64(h ^ seed) + (np.arange(n, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    v = (z >> np.uint64(40)).astype(np.float32) * np.float32(2**-23) - np.float32(1)
    return torch.from_numpy(v * np.float32(scale) + np.float32(base)).reshape(shape)


def weight(name, *shape, gain=1.0):
    return formula(name, shape, gain * math.sqrt(3 / math.prod(shape[1:])), 0)


def bias(name, n):
    return formula(name, (n,), 0.1, 0)


def resize(table, grid):
    """A position table [1, 1+g*g, D] for another grid: bicubic, scale factor (grid+0.1)/g."""
    g = math.isqrt(table.shape[1] - 1)
    if g == grid:
        return table
    rest = table[:, 1:].reshape(1, g, g, -1).permute(0, 3, 1, 2)
    rest = F.interpolate(rest, scale_factor=((grid + 0.1) / g, (grid + 0.1) / g), mode="bicubic")
    assert rest.shape[2:] == (grid, grid)
    return torch.cat([table[:, :1], rest.permute(0, 2, 3, 1).reshape(1, grid * grid, -1)], 1)


def encode(pixels, patch, own, width=48, depth=2, heads=3, hidden=192, codes=64, dim=8, rounded=lambda w: w):
    """pixels [S, S, 3] uint8 -> codes [G*G], and how much further the second-best is."""
    W = lambda *a, **k: rounded(weight(*a, **k))
    B = lambda *a: rounded(bias(*a))
    x = torch.from_numpy(pixels.copy()).float().permute(2, 0, 1)[None] / 127.5 - 1
    e = "encoder."
    x = F.conv2d(x, W(e + "patch_embed.proj.weight", width, 3, patch, patch, gain=1.5), B(e + "patch_embed.proj.bias", width), stride=patch)
    grid = x.shape[-1]
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([rounded(formula(e + "cls_token", (1, 1, width), 0.5, 0)), x], 1)
    x = x + resize(rounded(formula(e + "pos_embed", (1, 1 + own * own, width), 0.5, 0)), grid)
    LN = lambda y, name: F.layer_norm(y, y.shape[-1:], rounded(formula(name + ".weight", (y.shape[-1],), 0.2, 1)), B(name + ".bias", y.shape[-1]), 1e-6)
    for i in range(depth):
        b = f"{e}blocks.{i}."
        y = LN(x, b + "norm1")
        qkv_bias = torch.cat([B(b + "attn.q_bias", width), torch.zeros(width), B(b + "attn.v_bias", width)])
        q, k, v = F.linear(y, W(b + "attn.qkv.weight", 3 * width, width, gain=1.3), qkv_bias).reshape(1, -1, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        a = ((q * (width // heads) ** -0.5) @ k.transpose(-2, -1)).softmax(-1)
        y = (a @ v).transpose(1, 2).reshape(1, -1, width)
        x = x + F.linear(y, W(b + "attn.proj.weight", width, width, gain=0.7), B(b + "attn.proj.bias", width))
        y = F.gelu(F.linear(LN(x, b + "norm2"), W(b + "mlp.fc1.weight", hidden, width), B(b + "mlp.fc1.bias", hidden)))
        x = x + F.linear(y, W(b + "mlp.fc2.weight", width, hidden), B(b + "mlp.fc2.bias", width))
    x = LN(x[:, 1:], e + "fc_norm")
    t = "encode_task_layer."
    x = torch.tanh(F.linear(x, W(t + "0.weight", width, width), B(t + "0.bias", width)))
    z = F.normalize(F.linear(x, W(t + "2.weight", dim, width), B(t + "2.bias", dim)), dim=-1)[0]
    book = rounded(F.normalize(formula("quantize.embedding.weight", (codes, dim), 1, 0).double(), dim=-1).float())
    book = F.normalize(book.double(), dim=-1)
    d = ((z.double()[:, None] - book[None]) ** 2).sum(-1)
    two, index = d.topk(2, dim=1, largest=False)
    return index[:, 0].tolist(), (two[:, 1] - two[:, 0]).tolist()


def reference_view(name, side):
    im = Image.open(os.path.join(PICTURES, name)).convert("RGB")
    short = side * 256 // 224
    w, h = im.size
    size = (short, int(short * h / w)) if w <= h else (int(short * w / h), short)
    im = im.resize(size, Image.BICUBIC)
    x, y = round((size[0] - side) / 2), round((size[1] - side) / 2)
    return np.asarray(im.crop((x, y, x + side, y + side)))


def main():
    torch.set_num_threads(1)
    want = {p["image"]: p["codes"] for p in map(json.loads, open(os.path.join(HERE, "../vqkd_tiny_codes.jsonl")))}
    names = ["v-224.jpg", "v-sat420.jpg", "v-odd257x341.jpg"]
    for name in names + ["v-gray.jpg", "v-cmyk.jpg"]:
        got, _ = encode(reference_view(name, 64), 16, 4)
        assert got == want[name], (name, got, want[name])
    print("codes are those of the public implementation")

    out = {"torch": torch.__version__, "tables": [], "models": [], "rounded": []}
    for g, grid in [(14, 16), (14, 24), (14, 7), (4, 14), (16, 14), (14, 15)]:
        table = formula(f"{g}.pos_embed", (1, 1 + g * g, 2), 0.5, 0)
        v = resize(table, grid).flatten().tolist()
        keep = sorted({0, 1, 2, 3, 2 * grid, 2 * grid + 1, len(v) - 2, len(v) - 1} | set(range(4, len(v), 37)))
        out["tables"].append({"from": g, "to": grid, "at": keep, "value": [round(v[i], 7) for i in keep]})
    # patch 14: 224 pixels make 16×16; a table of 14×14 must be resized, one of 16×16 not.
    for patch, own, side in [(14, 16, 224), (14, 14, 224), (16, 14, 384), (16, 4, 96), (16, 14, 112)]:
        for name in names:
            codes, margin = encode(reference_view(name, side), patch, own)
            out["models"].append({"patch": patch, "own": own, "side": side, "image": name, "codes": codes, "margin": [float(f"{m:.3g}") for m in margin]})
    for kind, dtype in [("bf16", torch.bfloat16), ("f16", torch.float16)]:
        for name in names:
            codes, margin = encode(reference_view(name, 64), 16, 4, rounded=lambda w: w.to(dtype).float())
            out["rounded"].append({"kind": kind, "image": name, "codes": codes, "margin": [float(f"{m:.3g}") for m in margin]})
    with open(os.path.join(HERE, "expect.json"), "w") as f:
        rows = [f'"torch": {json.dumps(out["torch"])}'] + [f'"{k}": [\n' + ",\n".join(json.dumps(r, separators=(",", ":")) for r in out[k]) + "\n]" for k in ("tables", "models", "rounded")]
        f.write("{" + ",\n".join(rows) + "}\n")


main()
