"""What all of the peers share: the command line, the pictures, and the protocol.

    PEER.py WEIGHTS PICTURES THREADS BATCH PRECISION [MODE]

PICTURES is raw uint8 [n, 224, 224, 3]. Each line on standard input says how many batches to encode; the answer is a line
with the seconds that they took. For the line "codes" it is the codes of all pictures, as hexadecimal uint16.
"""

import sys
import time


def arguments():
    weights, pictures, threads, batch, precision, *mode = sys.argv[1:]
    return weights, pictures, int(threads), int(batch), precision, mode[0] if mode else ""


def serve(encode, pictures, batch):
    """encode turns uint8 [batch, 224, 224, 3] into codes [batch, 196]."""
    import numpy as np

    pixels = np.fromfile(pictures, np.uint8).reshape(-1, 224, 224, 3)
    batches = [pixels[i : i + batch] for i in range(0, len(pixels), batch)]
    done = 0
    for line in sys.stdin:
        if line.strip() == "codes":
            codes = [np.asarray(encode(b)).reshape(-1, 196) for b in batches]
            print(np.concatenate(codes).astype(">u2").tobytes().hex(), flush=True)
            continue
        start = time.perf_counter()
        for _ in range(int(line)):
            encode(batches[done % len(batches)])
            done += 1
        print(time.perf_counter() - start, flush=True)
