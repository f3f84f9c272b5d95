#!/usr/bin/env bash
# install.sh DEST: what the comparison "text" needs, once: Google's SentencePiece, Hugging Face's tokenizers, and texts.
# It is run from the repository's root. Nothing of it enters imglish.
set -euo pipefail
dest=${1:?usage: install.sh DEST}
spm=.cache/sentencepiece
peers=bench/peers/sentencepiece
say() { printf 'bench: %s\n' "$*" >&2; }
mkdir -p "$dest"

build/sentencepiece/install.sh "$spm"
if [ ! -x "$dest/encode" ] || [ "$peers/encode.cc" -nt "$dest/encode" ]; then
  g++ -std=c++20 -O3 -DNDEBUG -I"$spm/include" -o "$dest/encode" "$peers/encode.cc" "$spm/lib/libsentencepiece.a" -lprotobuf-lite -pthread
fi

if [ ! -x "$dest/python/bin/python" ]; then
  say "installing Hugging Face's tokenizers"
  python3 -m venv "$dest/python.new"
  "$dest/python.new/bin/python" -m pip install -q --disable-pip-version-check tokenizers==0.23.3
  mv "$dest/python.new" "$dest/python"
fi

# English: an excerpt of a Wikipedia dump, which the demo fetches too.
build/demo-data.sh

# Chinese and Japanese: the manual pages of two Debian packages.
if [ ! -s "$dest/cjk.raw" ]; then
  say "fetching Chinese and Japanese text"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && apt-get download -qq manpages-zh manpages-ja) || { say "apt-get could not download manpages-zh and manpages-ja"; exit 1; }
  for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/files"; done
  find "$work/files" -type f -path '*/man/*' -name '*.gz' | LC_ALL=C sort | xargs gzip -dc >"$dest/cjk.raw.new"
  mv "$dest/cjk.raw.new" "$dest/cjk.raw"
fi
