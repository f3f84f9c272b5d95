#!/usr/bin/env bash
# Installs what building needs, says in a line what and why, and does nothing twice.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'setup: %s\n' "$*" >&2; }
fail() { printf 'error: %s\nhint: %s\n' "$1" "$2" >&2; exit 1; }

command -v go >/dev/null || fail "Go is not installed" "install Go 1.26 or newer"
command -v cc >/dev/null || command -v gcc >/dev/null || fail "no C compiler" "install gcc"

# Debian names the packages that the build links against.
need=()
command -v pkg-config >/dev/null || need+=(pkg-config)
pkg-config --exists vips 2>/dev/null || need+=(libvips-dev)
pkg-config --exists libjpeg 2>/dev/null || need+=(libjpeg62-turbo-dev)
if [ ${#need[@]} -gt 0 ]; then
  root=(); [ "$(id -u)" = 0 ] || root=(sudo)
  command -v apt-get >/dev/null || fail "missing: ${need[*]}" "install libvips and libjpeg-turbo with their headers by your package manager"
  [ ${#root[@]} -eq 0 ] || command -v sudo >/dev/null || fail "missing: ${need[*]}" "run as root: apt-get install ${need[*]}"
  say "installing ${need[*]} (libvips probes and re-encodes images, libjpeg-turbo decodes them)"
  "${root[@]}" apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null ||
    fail "apt-get install ${need[*]} did not work" "run it by hand to see why"
fi

# The Rust tokenizers library serves tokenizer.json files. Without it everything else works.
build/tokenizers/build.sh .cache/tokenizers

# Apache Kafka, which the tests run the line on. Without it, or without Java, everything else works.
build/kafka/install.sh .cache/kafka

# ONNX Runtime, for ONNX models that teach a visual tokenizer, and their tests. Without it everything else works.
build/onnxruntime/install.sh .cache/onnxruntime

# A real S3 server for the tests.
build/s3/install.sh .cache/s3
