#!/usr/bin/env python3
"""Makes recorded.parquet and recorded_half.parquet as a user's script would: views of 32×32 with 4×4 vectors of 3.

    pip install pyarrow==26.0.1 pillow==13.0.0 && ./make_recorded.py
"""

import io
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

HERE = pathlib.Path(__file__).parent
ROWS, SIDE, PATCHES, DIM = 12, 32, 16, 3


def view(row):
    """Each patch of 8×8 has a colour of its own."""
    cells = np.array([[(20 * row, 16 * p, 255 - 10 * row) for p in range(PATCHES)]], dtype=np.uint8).reshape(4, 4, 3)
    out = io.BytesIO()
    Image.fromarray(cells.repeat(8, 0).repeat(8, 1)).save(out, "PNG")
    return out.getvalue()


def features(row, dtype):
    """Quarters from -4 up: halves hold them exactly."""
    return ((np.arange(PATCHES * DIM) + 5 * row) % 33 / 4 - 4).astype(dtype)


for name, dtype, size in [("recorded", np.float32, 5), ("recorded_half", np.float16, 100)]:
    table = pa.table({
        "name": [f"picture {i // 2}" for i in range(ROWS)],
        "encoded": pa.array([view(i) for i in range(ROWS)], pa.binary()),
        "features": pa.array([features(i, dtype) for i in range(ROWS)], pa.list_(pa.from_numpy_dtype(dtype))),
    })
    pq.write_table(table, HERE / f"{name}.parquet", row_group_size=size)
