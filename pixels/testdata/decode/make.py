"""Writes small pictures of every kind that pixels.Decode reads, and expect.json with what Pillow makes of them:
SHA-256 of the pixels after convert("RGB"). Needs Pillow and numpy. Run in this folder."""
import hashlib, json, struct, zlib
import numpy as np
from PIL import Image, ImageEnhance, __version__

rng = np.random.default_rng(5)
W, H = 37, 23
y, x = np.mgrid[0:H, 0:W]
smooth = np.stack([x * 6, y * 10, 255 - (x + y) * 4], -1).astype(np.uint8)
noise = rng.integers(0, 256, (H, W, 3), dtype=np.uint8)
rgb = np.where((x // 8 % 2 == 0)[..., None], smooth, noise)
alpha = (x * 7 % 256).astype(np.uint8)


def png(name, depth, colour, raw, extra=b"", interlace=0):
    """Writes a PNG by hand, for the kinds that Pillow does not write."""
    def chunk(t, d):
        return struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
    rows = b"".join(b"\0" + r for r in raw)
    with open(name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", W, H, depth, colour, 0, 0, interlace)))
        f.write(extra)
        f.write(chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def trns(d):
    return struct.pack(">I", len(d)) + b"tRNS" + d + struct.pack(">I", zlib.crc32(b"tRNS" + d))


def plte(d):
    return struct.pack(">I", len(d)) + b"PLTE" + d + struct.pack(">I", zlib.crc32(b"PLTE" + d))


def packed(values, bits):
    rows = []
    for r in values:
        s = "".join(format(v, "0%db" % bits) for v in r)
        s += "0" * (-len(s) % 8)
        rows.append(int(s, 2).to_bytes(len(s) // 8, "big"))
    return rows


im = Image.fromarray(rgb)
im.save("rgb.png")
Image.fromarray(rgb[..., 0]).save("grey8.png")
im.convert("1").save("grey1.png")
png("grey2.png", 2, 0, packed(rgb[..., 0] >> 6, 2))
png("grey4.png", 4, 0, packed(rgb[..., 0] >> 4, 4))
g16 = (rgb[..., 0].astype(np.uint16) * 37)
png("grey16.png", 16, 0, [r.astype(">u2").tobytes() for r in g16])
png("grey16_trns.png", 16, 0, [r.astype(">u2").tobytes() for r in g16], trns(struct.pack(">H", int(g16[0, 0]))))
png("grey8_trns.png", 8, 0, [r.tobytes() for r in rgb[..., 1]], trns(struct.pack(">H", int(rgb[0, 0, 1]))))
c16 = rgb.astype(np.uint16) * 257 - 77
png("rgb16.png", 16, 2, [r.astype(">u2").tobytes() for r in c16])
png("rgb_trns.png", 8, 2, [r.tobytes() for r in rgb], trns(struct.pack(">HHH", *[int(v) for v in rgb[0, 0]])))
a16 = np.concatenate([c16, (alpha.astype(np.uint16) * 257)[..., None]], -1)
png("rgba16.png", 16, 6, [r.astype(">u2").tobytes() for r in a16])
la16 = np.stack([c16[..., 0], alpha.astype(np.uint16) * 257], -1)
png("la16.png", 16, 4, [r.astype(">u2").tobytes() for r in la16])
Image.fromarray(np.dstack([rgb, alpha])).save("rgba.png")
Image.fromarray(np.dstack([rgb[..., 0], alpha]), "LA").save("la.png")
p = im.quantize(200)
p.save("palette.png")
p.save("palette_trns.png", transparency=bytes(range(0, 200)))
im.quantize(4).save("palette2.png", bits=2)
png("palette_short.png", 8, 3, [bytes(v % 5 for v in r) for r in rgb[..., 0].tolist()], plte(bytes(range(15))))
p.save("plain.gif")
p.save("transparent.gif", transparency=int(p.getpixel((3, 3))))
frames = [im.quantize(16), Image.fromarray(255 - rgb).quantize(16)]
frames[0].save("animated.gif", save_all=True, append_images=frames[1:], loop=0)
Image.fromarray(rgb[..., 0]).save("grey.gif")
p.save("interlaced.gif", interlace=1)


def gif_small_frame(name, control):
    """A frame that covers a part of the screen."""
    src = open("plain.gif", "rb").read()
    small = im.crop((0, 0, 20, 10)).quantize(200)
    small.save("part.tmp", "GIF")
    body = open("part.tmp", "rb").read()
    at = body.index(b"\x2c\0\0\0\0" + struct.pack("<HH", 20, 10))
    frame = b"\x2c" + struct.pack("<HHHH", 5, 7, 20, 10) + body[at + 9:]
    head = body[:6] + struct.pack("<HH", W, H) + body[10:13]
    table = body[13:13 + 3 * (2 << (body[10] & 7))]
    open(name, "wb").write(head + table + control + frame)
    import os
    os.remove("part.tmp")


gif_small_frame("part.gif", b"")
gif_small_frame("part_transparent.gif", b"\x21\xf9\x04\x01\0\0" + bytes([9]) + b"\0")
im.save("lossless.webp", lossless=True)
Image.fromarray(np.dstack([rgb, alpha])).save("lossless_alpha.webp", lossless=True, exact=True)
big = Image.fromarray(np.kron(rgb, np.ones((3, 3, 1), np.uint8)))
for q in (10, 60, 95):
    big.save("lossy%d.webp" % q, quality=q)
big.crop((0, 0, 110, 68)).save("lossy_even.webp", quality=80)
Image.fromarray(np.dstack([rgb, alpha])).save("lossy_alpha.webp", quality=80)
im.crop((0, 0, 1, 1)).save("one.webp", quality=80)
big.save("ycck.tmp", "JPEG", quality=90)
big.convert("CMYK").save("cmyk.jpg", quality=90)
big.convert("L").save("grey.jpg", quality=90, progressive=True)
big.save("p422.jpg", quality=60, subsampling=1, progressive=True)
import os
os.remove("ycck.tmp")

expect = {"pillow": __version__, "decode": {}, "jitter": []}
for name in sorted(os.listdir(".")):
    if name.rsplit(".")[-1] in ("png", "gif", "webp", "jpg"):
        r = Image.open(name).convert("RGB")
        expect["decode"][name] = {"w": r.size[0], "h": r.size[1], "sha256": hashlib.sha256(r.tobytes()).hexdigest()}
steps = [ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color]
for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
    for f in ([1.4, .6, 1.3], [.6, 1.4, .7], [1, 1, 1], [.93, 1.21, 1.4]):
        r = im
        for o in order:
            r = steps[o](r).enhance(f[o])
        expect["jitter"].append({"order": order, "factors": f, "sha256": hashlib.sha256(r.tobytes()).hexdigest()})
methods = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90"}
expect["turn"] = {str(o): hashlib.sha256(im.transpose(getattr(Image.Transpose, m)).tobytes()).hexdigest() for o, m in methods.items()}
json.dump(expect, open("expect.json", "w"), indent=1)
