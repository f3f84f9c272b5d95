#!/usr/bin/env python3
"""train_texts.py DEST: leaves texts to train on in DEST, a line each, NAME.train and NAME.held for each corpus.

wiki   English Wikipedia, the excerpt of the demo (.cache/demo-data, made by build/demo-data.sh)
en     30 MB of English: that, the kernel's documentation and a dictionary
cjk    Chinese, Japanese and Korean manuals
multi  these and manuals in 25 other languages

All but the first come out of Debian packages, which are downloaded and unpacked, not installed. A line stands in one
corpus once; every run gives the same files.
"""
import bz2
import glob
import gzip
import hashlib
import html
import os
import re
import subprocess
import sys

WIKI = ".cache/demo-data/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
PACKAGES = """dict-gcide linux-doc-6.1 debian-handbook manpages-zh manpages-ja manpages-ja-dev manpages-de manpages-fr
manpages-ru manpages-uk manpages-vi""".split()
CJK = ["ja-JP", "ko-KR", "zh-CN", "zh-TW"]
EN_BYTES = 30_000_000


def wiki(path):
    """The paragraphs of a dump, without the markup."""
    with bz2.open(path, "rt", encoding="utf8") as f:
        dump = f.read()
    for text in re.findall(r"(?s)<text[^>]*>(.*?)</text>", dump):
        text = html.unescape(text)
        text = re.sub(r"(?s)<!--.*?-->|<ref[^>]*/>|<ref.*?</ref>|<math.*?</math>", "", text)
        for _ in range(5):
            text = re.sub(r"\{\{[^{}]*\}\}|\{\|[^{}]*\|\}", "", text)
        text = re.sub(r"\[\[(?:File|Image|Category)[^\]]*\]\]", "", text)
        text = re.sub(r"\[\[(?:[^|\]]*\|)?([^\]]*)\]\]", r"\1", text)
        text = re.sub(r"\[\S+ ([^\]]*)\]", r"\1", text)
        text = re.sub(r"<[^>]+>|'''?", "", text)
        for line in text.split("\n"):
            if not line.startswith(("|", "{", "!", "[", "}")):
                yield line.strip(" *#:;=")


def manual(path):
    """The lines of a manual page, without the markup."""
    with gzip.open(path, "rt", encoding="utf8", errors="replace") as f:
        for line in f:
            if line.startswith(('.\\"', "'\\\"")) or "\ufffd" in line:
                continue
            line = re.sub(r"^[.'][A-Za-z]+ ?", "", line)
            line = re.sub(r"\\f(\[[^\]]*\]|\(..|.)", "", line)
            line = re.sub(r"\\\(..", " ", line).replace("\\-", "-").replace("\\&", "")
            yield line.replace("\\", "").replace('"', "").strip()


def page(path):
    """The paragraphs of a web page."""
    with open(path, encoding="utf8", errors="ignore") as f:
        text = f.read()
    text = re.sub(r"(?s)<(script|style).*?</\1>", "", text)
    text = re.sub(r"</?(p|div|li|h\d|tr|td|br|dd|dt|pre|section|title)[^>]*>", "\n", text)
    for line in html.unescape(re.sub(r"<[^>]+>", "", text)).split("\n"):
        yield re.sub(r"\s+", " ", line).strip()


def each(read, *patterns):
    for pattern in patterns:
        for path in sorted(glob.glob(pattern, recursive=True)):
            yield from read(path)


def write(dest, name, lines, limit=1 << 62):
    """Every 20th line, by its hash, is held out; the others are put in the order of their hashes."""
    order = sorted((hashlib.sha256(line.encode()).digest(), line) for line in set(lines) if len(line) >= 20)
    size = 0
    with open(f"{dest}/.{name}.train", "w", encoding="utf8") as train, open(f"{dest}/{name}.held", "w", encoding="utf8") as held:
        for i, (_, line) in enumerate(order):
            size += len(line.encode())
            if size > limit:
                break
            print(line, file=held if i % 20 == 0 else train)
    os.rename(f"{dest}/.{name}.train", f"{dest}/{name}.train")
    print(f"texts: {name}: {min(size, limit) / 1e6:.1f} MB", file=sys.stderr)


def main(dest):
    names = ["wiki", "en", "cjk", "multi"]
    if all(os.path.exists(f"{dest}/{n}.train") for n in names):
        return
    os.makedirs(f"{dest}/deb", exist_ok=True)
    articles = list(wiki(WIKI))
    write(dest, "wiki", articles)
    print(f"texts: downloading {len(PACKAGES)} Debian packages (110 MB)", file=sys.stderr)
    subprocess.run(["apt-get", "download", "-q", *PACKAGES], cwd=f"{dest}/deb", check=True, stdout=subprocess.DEVNULL)
    x = f"{dest}/deb/x"
    for package in glob.glob(f"{dest}/deb/*.deb"):
        subprocess.run(["dpkg", "-x", package, x], check=True)
    book = x + "/usr/share/doc/debian-handbook/html/"
    man = x + "/usr/share/man/"
    cjk = list(each(page, *(book + lang + "/*.html" for lang in CJK)))
    cjk += each(manual, man + "ja/**/*.gz", man + "zh_*/**/*.gz")
    others = [d for d in sorted(os.listdir(book)) if d not in CJK]
    multi = cjk + list(each(page, *(book + lang + "/*.html" for lang in others)))
    multi += each(manual, *(man + lang + "/**/*.gz" for lang in ["de", "fr", "ru", "uk", "vi"]))
    write(dest, "cjk", [line for line in cjk if re.search("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", line)])
    write(dest, "multi", multi)
    with gzip.open(x + "/usr/share/dictd/gcide.dict.dz", "rt", encoding="utf8", errors="ignore") as f:
        entries = [re.sub(r"\s+", " ", p).strip() for p in re.split(r"\n\s*\n|\n(?=\S)", f.read())]
    write(dest, "en", articles + entries + list(each(page, x + "/usr/share/doc/linux-doc*/**/*.html")), EN_BYTES)


if __name__ == "__main__":
    main(sys.argv[1])
