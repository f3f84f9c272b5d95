#!/usr/bin/env bash
# install.sh DEST: fetches Apache Kafka and what it needs (45 jars, 43 MB) from Maven Central into DEST/libs, once.
#
# The tests that need a real Kafka, `make kafka` and the benchmarks start it from there (pipeline/kafkatest). Where Java
# or Maven is missing this says so and ends well: those tests are skipped, all else works. Versions are pinned by
# pom.xml beside this file; another pom.xml fetches anew.
set -euo pipefail
need=17 # the first Java that Kafka 4 runs on
dest=${1:?usage: install.sh DEST}
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
say() { printf 'kafka: %s\n' "$*" >&2; }
without() { say "$1: the tests on a real Kafka are skipped, and make kafka does not work. $2"; exit 0; }

stamp=$(sha256sum "$here/pom.xml" | cut -d' ' -f1)
if [ "$(cat "$dest/libs/stamp" 2>/dev/null)" = "$stamp" ]; then exit 0; fi

java=${JAVA_HOME:+$JAVA_HOME/bin/}java
command -v "$java" >/dev/null || without "the command java is missing" "Install Java $need (Debian: openjdk-17-jre-headless maven) and run make again."
have=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -1)
[ "${have:-0}" -ge "$need" ] || without "java is version ${have:-unknown}, $need is needed" "Install Java $need or newer and run make again."
command -v mvn >/dev/null || without "the command mvn is missing" "Install Maven (Debian: maven) and run make again."

mkdir -p "$dest"
dest=$(cd "$dest" && pwd)
work=$(mktemp -d "$dest/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$here/pom.xml" "$work/"
say "fetching Apache Kafka from Maven Central (43 MB, for tests)"
if ! mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DoutputDirectory="$work/libs" -DincludeScope=runtime >"$dest/fetch.log" 2>&1; then
  grep -m3 ERROR "$dest/fetch.log" >&2 || tail -3 "$dest/fetch.log" >&2
  without "Maven could not fetch Apache Kafka (all of its output: $dest/fetch.log)" "Run make again when that is mended."
fi
printf '%s\n' "$stamp" >"$work/libs/stamp"
rm -rf "$dest/libs"
mv "$work/libs" "$dest/libs" 2>/dev/null || true # another install may have been faster
[ "$(cat "$dest/libs/stamp" 2>/dev/null)" = "$stamp" ] || without "$dest/libs cannot be written" "Look at the folder."
say "Apache Kafka $(ls "$dest/libs" | sed -n 's/^kafka_[0-9.]*-\(.*\)\.jar$/\1/p') is in $dest/libs"
