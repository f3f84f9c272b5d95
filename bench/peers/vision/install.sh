#!/usr/bin/env bash
# install.sh DEST PEER…: peers of the comparisons of pictures, once, each in a virtual environment of its own, since they
# conflict: torch, onnxruntime, openvino, pillow. With torch, DEST/base.onnx is made of DEST/base.safetensors.
# It is run from the repository's root. Nothing of it enters imglish.
set -euo pipefail
dest=${1:?usage: install.sh DEST PEER…}
shift
peers=bench/peers/vision
say() { printf 'bench: %s\n' "$*" >&2; }

for peer; do
  wanted=$peers/requirements-$peer.txt
  cmp -s "$wanted" "$dest/$peer/requirements.txt" && continue
  say "installing $(head -1 "$wanted")"
  rm -rf "${dest:?}/$peer" "${dest:?}/avx2"
  python3 -m venv "$dest/$peer"
  "$dest/$peer/bin/python" -m pip install -q --disable-pip-version-check -r "$wanted"
  cp "$wanted" "$dest/$peer/requirements.txt"
done

if [ ! -s "$dest/base.onnx" ] && [ -d "$dest/torch" ]; then
  say "exporting the model to ONNX"
  "$dest/torch/bin/python" "$peers/export.py" "$dest/base.safetensors" "$dest/new.onnx"
  mv "$dest/new.onnx" "$dest/base.onnx"
fi

[ -d "$dest/avx2" ] || [ ! -d "$dest/openvino" ] || "$dest/openvino/bin/python" "$peers/hide_avx512.py" "$dest"
