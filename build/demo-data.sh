#!/usr/bin/env bash
# Fetches the demo's photos and its Wikipedia excerpt out of public packages, by the ordinary package clients, once.
# What cannot be had is named and left out: the demo goes on with what is there, and with generated data.
# Sources and licences: docs/demo-data.md.
set -uo pipefail
cd "$(dirname "$0")/.."
out=.cache/demo-data
mkdir -p "$out"
say() { printf 'demo data: %s\n' "$*" >&2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

# take FILE NAME SHA256: FILE becomes $out/NAME if its hash is the pinned one.
take() {
  if [ ! -f "$1" ]; then say "$2: not in its package; left out"; return; fi
  if [ "$(sha256sum "$1" | cut -d' ' -f1)" != "$3" ]; then say "$2: not the file that was expected; left out"; return; fi
  cp "$1" "$out/.$2.new" && mv "$out/.$2.new" "$out/$2"
}

npm_photo() { # package, name, sha256
  [ -f "$out/$2" ] && return
  command -v npm >/dev/null || { say "npm is missing: photo $2 is left out (install npm to have it)"; return; }
  say "photo $2 from the npm package $1"
  (cd "$work" && timeout 120 npm pack --silent "$1" >pack.txt 2>pack.err && tar xzf "$(tail -1 pack.txt)" package/data/image.jpg) ||
    { say "npm could not fetch $1: left out"; return; }
  take "$work/package/data/image.jpg" "$2" "$3"
}

go_photo() { # module, path in it, name, sha256
  [ -f "$out/$3" ] && return
  local dir
  dir=$(cd "$work" && go mod download -json "$1" 2>/dev/null | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  [ -n "$dir" ] || { say "the Go module $1 is out of reach: $3 is left out"; return; }
  say "photo $3 from the Go module $1"
  take "$dir/$2" "$3" "$4"
}

while IFS=$'\t' read -r kind package path name sha _; do
  case "$kind" in
    npm) npm_photo "$package" "$name" "$sha" ;;
    go) go_photo "$package" "$path" "$name" "$sha" ;;
  esac
done < <(grep -v '^#' demo/photos.tsv)

# A real excerpt of an English Wikipedia dump ships in the tests of the PyPI package gensim.
wiki=enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2
if [ ! -f "$out/$wiki" ]; then
  if command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1; then
    say "a Wikipedia dump excerpt from the PyPI package gensim (28 MB)"
    if timeout 300 python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --implementation cp \
      --python-version 3.11 --abi cp311 --platform manylinux_2_28_x86_64 -d "$work" gensim==4.4.0 >/dev/null 2>&1 &&
      python3 -m zipfile -e "$work"/gensim-*.whl "$work/gensim"; then
      take "$work/gensim/gensim/test/test_data/$wiki" "$wiki" a53f4648dec40467ebdcbc7a1307eddb51fe6e28e9309f6ebde81ba0d04bea2d
    else
      say "pip could not fetch gensim: the Wikipedia excerpt is left out"
    fi
  else
    say "python3 with pip is missing: the Wikipedia excerpt is left out (install python3-pip to have it)"
  fi
fi
exit 0
