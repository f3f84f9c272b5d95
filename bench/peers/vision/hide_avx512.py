"""Makes copies of ONNX Runtime and OpenVINO that believe to be on a processor of AVX2: hide_avx512.py DEST

Their matrix library, MLAS, takes no setting for this. It asks whether the operating system keeps the registers of AVX-512
(three bits, 0xe0), and so does OpenVINO's own test of the processor; in the copies the answer is no. Whoever imports them
needs DEST/avx2 on PYTHONPATH. Pinned versions: other ones may ask in other words, which is an error here.
"""

import os
import re
import shutil
import sys

dest = sys.argv[1]
# The and or test of the inverted bits, before the jump that is taken where a bit is missing: now a bit is always missing.
tests = [
    ("onnxruntime", "capi/onnxruntime_pybind11_state", rb"\x48\xf7\xd0(\xa8\xe0)(?=\x0f\x84)", b"\x0c\x01", 1),  # or al, 1
    ("openvino", "libs/libopenvino_intel_cpu_plugin", rb"\x48\xf7(?:\xd2|\xd7\x48\x89\xfa)(\x81\xe2\xe0\x00\x00\x00)(?=\x0f\x85)",
     b"\x31\xd2\xff\xc2\x66\x90", 2),  # xor edx, edx; inc edx; nop
]
for package, library, pattern, instead, times in tests:
    there = os.path.join(dest, package, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages", package)
    here = os.path.join(dest, "avx2.new", package)
    shutil.copytree(there, here, dirs_exist_ok=True)
    folder, start = os.path.split(os.path.join(here, library))
    path = os.path.join(folder, next(f for f in os.listdir(folder) if f.startswith(start)))
    code = bytearray(open(path, "rb").read())
    found = list(re.finditer(pattern, code))
    if len(found) != times:
        sys.exit(f"{path}: {len(found)} tests for AVX-512, want {times}: another version?")
    for m in found:
        code[m.start(1) : m.end(1)] = instead
    open(path, "wb").write(code)
os.rename(os.path.join(dest, "avx2.new"), os.path.join(dest, "avx2"))
