"""The encoder of VQ-KD as a PyTorch module: pictures to codes, with PyTorch's own fused attention."""

import torch
from safetensors import safe_open
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, d))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Tokenizer(nn.Module):
    """uint8 [n, 224, 224, 3] to int64 [n, 196]."""

    def __init__(self, width=768, depth=12, heads=12, patch=16, grid=14, codes=8192, dim=32):
        super().__init__()
        self.patch, self.grid = patch, grid
        self.embed = nn.Linear(3 * patch * patch, width)
        self.cls, self.pos = nn.Parameter(torch.zeros(1, 1, width)), nn.Parameter(torch.zeros(1, grid * grid + 1, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head1, self.head2 = nn.Linear(width, width), nn.Linear(width, dim)
        self.book = nn.Parameter(torch.zeros(codes, dim))

    def forward(self, pixels):
        n, p, g = pixels.shape[0], self.patch, self.grid
        x = pixels.to(self.pos.dtype) / 127.5 - 1
        x = x.view(n, g, p, g, p, 3).permute(0, 1, 3, 5, 2, 4).reshape(n, g * g, 3 * p * p)
        x = torch.cat([self.cls.expand(n, -1, -1), self.embed(x)], 1) + self.pos
        for block in self.blocks:
            x = block(x)
        x = self.head2(torch.tanh(self.head1(self.norm(x[:, 1:]))))
        return (F.normalize(x, dim=-1) @ self.book.t()).argmax(-1)


def load(path):
    """The model with the weights of a checkpoint of the published names."""
    m = Tokenizer().eval()
    with safe_open(path, "pt") as f, torch.no_grad():

        def copy(to, name):
            to.copy_(f.get_tensor(name).reshape(to.shape))

        def linear(to, name):
            copy(to.weight, name + ".weight")
            copy(to.bias, name + ".bias")

        copy(m.embed.weight, "encoder.patch_embed.proj.weight")
        copy(m.embed.bias, "encoder.patch_embed.proj.bias")
        copy(m.cls, "encoder.cls_token")
        copy(m.pos, "encoder.pos_embed")
        for i, b in enumerate(m.blocks):
            p = f"encoder.blocks.{i}."
            linear(b.norm1, p + "norm1")
            linear(b.norm2, p + "norm2")
            copy(b.qkv.weight, p + "attn.qkv.weight")
            q, v = f.get_tensor(p + "attn.q_bias"), f.get_tensor(p + "attn.v_bias")
            b.qkv.bias.copy_(torch.cat([q, torch.zeros_like(q), v]))  # keys have no bias
            linear(b.proj, p + "attn.proj")
            linear(b.fc1, p + "mlp.fc1")
            linear(b.fc2, p + "mlp.fc2")
        linear(m.norm, "encoder.fc_norm")
        linear(m.head1, "encode_task_layer.0")
        linear(m.head2, "encode_task_layer.2")
        copy(m.book, "quantize.embedding.weight")
    return m.requires_grad_(False)
