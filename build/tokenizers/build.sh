#!/usr/bin/env bash
# build.sh DEST: builds the Rust library behind github.com/daulet/tokenizers into DEST/libtokenizers.a, once.
#
# It serves tokenizer.json files (sentencepiece/hf) and nothing else, so where it cannot be built this says what is
# missing and ends well: the build goes on without it. The sources are those of the Go module in go.mod; what they
# depend on is pinned by Cargo.lock beside this file.
set -euo pipefail
need=1.78 # the first cargo that reads the format of Cargo.lock
dest=${1:?usage: build.sh DEST}
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
say() { printf 'tokenizers: %s\n' "$*" >&2; }
without() { say "$1: tokenizer.json files will not work, all else does. $2"; exit 0; }

version=$(go list -m -f '{{.Version}}' github.com/daulet/tokenizers)
stamp="$version $(sha256sum "$here/Cargo.lock" | cut -d' ' -f1)"
if [ -f "$dest/libtokenizers.a" ] && [ "$(cat "$dest/stamp" 2>/dev/null)" = "$stamp" ]; then exit 0; fi

command -v cargo >/dev/null || without "the command cargo is missing" "Install Rust $need or newer (rustup.rs) and run make again."
have=$(cargo --version | sed -n 's/^cargo \([0-9]*\.[0-9]*\).*/\1/p')
[ "$(printf '%s\n' "$need" "${have:-0}" | sort -V | head -1)" = "$need" ] ||
  without "the command cargo is version ${have:-unknown}, $need is needed" "Install Rust $need or newer (rustup.rs) and run make again."
command -v g++ >/dev/null || command -v c++ >/dev/null || without "the command g++ is missing" "Install a C++ compiler and run make again."

dir=$(go mod download -json "github.com/daulet/tokenizers@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p') || true
[ -n "$dir" ] || without "the Go module github.com/daulet/tokenizers $version is out of reach" "Try again with a network."

mkdir -p "$dest"
dest=$(cd "$dest" && pwd)
work=$dest/work
rm -rf "$work"
mkdir "$work"
cp -r "$dir/src" "$work/"
# Its git dependency is the released tiktoken-rs with a newer fancy-regex: take the release. Tests and benchmarks are
# left out, so that their crates need not be fetched.
sed -e 's|^tiktoken-rs = .*|tiktoken-rs = "0.9"|' -e '/^\[dev-dependencies\]/,$d' "$dir/Cargo.toml" >"$work/Cargo.toml"
cp "$here/Cargo.lock" "$work/"
chmod -R u+w "$work"

say "building the Rust tokenizers library $version (serves tokenizer.json files); 2 to 3 minutes"
if ! (cd "$work" && CARGO_TARGET_DIR="$dest/target" cargo build --release --locked) >"$dest/build.log" 2>&1; then
  tail -5 "$dest/build.log" >&2
  without "cargo could not build the library (all of its output: $dest/build.log)" "Run make again when that is mended."
fi
rm -f "$dest/libtokenizers.a" # never an old library beside a new stamp
printf '%s\n' "$stamp" >"$dest/stamp"
mv "$dest/target/release/libtokenizers.a" "$dest/.new.a"
mv "$dest/.new.a" "$dest/libtokenizers.a"
rm -rf "$work" "$dest/target"
say "built $dest/libtokenizers.a"
