#!/usr/bin/env bash
# install.sh DEST: builds the S3 server that the tests of store/ run against into DEST/versitygw, once.
#
# versitygw (Apache-2.0) serves a folder over S3: conditional writes, multipart uploads and checksums as Amazon's, in
# one Go binary without an engine beside it. Nothing of it enters imglish. Where it cannot be had, the tests that need
# it skip and say so.
set -euo pipefail
version=v1.8.0
dest=${1:?usage: install.sh DEST}
cd "$(dirname "$0")/../.."
say() { printf 's3: %s\n' "$*" >&2; }

if [ -x "$dest/versitygw" ] && [ "$(cat "$dest/stamp" 2>/dev/null)" = "$version" ]; then exit 0; fi
mkdir -p "$dest"
dest=$(cd "$dest" && pwd)
say "building the S3 server versitygw $version for the tests of store/; 1 to 3 minutes"
rm -f "$dest/stamp"
# In a folder of its own: the module's go.mod says what it is built from, not ours.
if ! (cd "$dest" && GOWORK=off GOFLAGS=-buildvcs=false GOBIN="$dest" go install "github.com/versity/versitygw/cmd/versitygw@$version") >"$dest/build.log" 2>&1; then
  say "versitygw $version could not be built (all of its output: $dest/build.log): tests on S3 are skipped. Run build/s3/install.sh .cache/s3 again with a network."
  exit 0
fi
printf '%s\n' "$version" >"$dest/stamp"
