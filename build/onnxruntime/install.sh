#!/usr/bin/env bash
# install.sh DEST: puts ONNX Runtime's shared library into DEST/libonnxruntime.so, once.
#
# `imglish image train --teacher MODEL.onnx` loads it when it runs, and the tests of vqkd/teacher/onnx do. It comes out
# of the PyPI package onnxruntime (MIT), pinned by version and hash; github.com/yalue/onnxruntime_go v1.27 speaks the C
# API of 1.24, which later libraries serve too. Where it cannot be had, those tests skip and say so.
set -euo pipefail
version=1.32.0
dest=${1:?usage: install.sh DEST}
cd "$(dirname "$0")/../.."
say() { printf 'onnxruntime: %s\n' "$*" >&2; }
without() { say "$1: an ONNX model cannot teach, all else works. $2"; exit 0; }

case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) platform=manylinux_2_28_x86_64 sha256=5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d ;;
  Linux-aarch64) platform=manylinux_2_28_aarch64 sha256=2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c ;;
  *) without "no pinned library for $(uname -s) on $(uname -m)" "Take libonnxruntime 1.24 or newer from its releases and name it by --onnxruntime." ;;
esac
if [ -f "$dest/libonnxruntime.so" ] && [ "$(cat "$dest/stamp" 2>/dev/null)" = "$version" ]; then exit 0; fi
python3 -m pip --version >/dev/null 2>&1 || without "python3 with pip is missing" "Install it (Debian: python3-pip) and run make again."

mkdir -p "$dest"
dest=$(cd "$dest" && pwd)
work=$(mktemp -d "$dest/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
say "fetching ONNX Runtime $version from PyPI (28 MB; lets ONNX models teach a visual tokenizer)"
printf 'onnxruntime==%s --hash=sha256:%s\n' "$version" "$sha256" >"$work/requirement"
if ! (cd "$work" && timeout 300 python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --implementation cp \
  --python-version 3.11 --abi cp311 --platform "$platform" --require-hashes -r requirement && python3 -m zipfile -e ./*.whl out) >"$dest/fetch.log" 2>&1; then
  without "pip could not fetch onnxruntime $version (its output: $dest/fetch.log)" "Run make again with a network."
fi
cp "$work/out/onnxruntime/LICENSE" "$dest/LICENSE"
mv "$work/out/onnxruntime/capi/libonnxruntime.so.$version" "$dest/libonnxruntime.so"
printf '%s\n' "$version" >"$dest/stamp"
