"""Resizes a picture with Pillow: resize.py PICTURE WIDTH HEIGHT TO_WIDTH TO_HEIGHT

PICTURE is raw uint8 [HEIGHT, WIDTH, 3]. Each line on standard input says how often to resize it; the answer is a line with
the seconds that it took. For the line "hash" it is the SHA-256 of the result.
"""

import hashlib
import sys
import time

from PIL import Image

path, *sizes = sys.argv[1:]
width, height, *to = map(int, sizes)
picture = Image.frombytes("RGB", (width, height), open(path, "rb").read())
for line in sys.stdin:
    if line.strip() == "hash":
        print(hashlib.sha256(picture.resize(to, Image.Resampling.BICUBIC).tobytes()).hexdigest(), flush=True)
        continue
    start = time.perf_counter()
    for _ in range(int(line)):
        picture.resize(to, Image.Resampling.BICUBIC)
    print(time.perf_counter() - start, flush=True)
