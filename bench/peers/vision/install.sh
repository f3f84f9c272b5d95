#!/usr/bin/env bash
# install.sh DEST: what the comparison "vision" needs, once: PyTorch, ONNX Runtime and OpenVINO, each in a virtual
# environment of its own, since they conflict. DEST/base.safetensors must be there; beside it appears the same as ONNX.
# It is run from the repository's root. Nothing of it enters imglish.
set -euo pipefail
dest=${1:?usage: install.sh DEST}
peers=bench/peers/vision
say() { printf 'bench: %s\n' "$*" >&2; }

for peer in torch onnxruntime openvino pillow; do
  wanted=$peers/requirements-$peer.txt
  cmp -s "$wanted" "$dest/$peer/requirements.txt" && continue
  say "installing $(head -1 "$wanted")"
  rm -rf "${dest:?}/$peer"
  python3 -m venv "$dest/$peer"
  "$dest/$peer/bin/python" -m pip install -q --disable-pip-version-check -r "$wanted"
  cp "$wanted" "$dest/$peer/requirements.txt"
done

if [ ! -s "$dest/base.onnx" ]; then
  say "exporting the model to ONNX"
  "$dest/torch/bin/python" "$peers/export.py" "$dest/base.safetensors" "$dest/new.onnx"
  mv "$dest/new.onnx" "$dest/base.onnx"
fi

[ -d "$dest/avx2" ] || python3 "$peers/hide_avx512.py" "$dest"
