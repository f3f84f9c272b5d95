"""Encodes the texts of a file with Hugging Face's tokenizers, once for each line on standard input.

    hf.py MODEL TEXTS

The same protocol as encode.cc. The tokenizer is made from the SentencePiece model as the library's own converters make
one: the model's rules, runs of spaces collapsed, Metaspace, and the pieces with their scores, or merges for BPE. Texts go
in by one call of encode_batch, the library's own way to be fast.
"""

import os
import struct
import sys
import time


def fields(data):
    """The fields of a protobuf message: numbers and contents."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    while at < len(data):
        tag = varint()
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            yield number, varint()
        else:
            size = {1: 8, 5: 4}.get(kind) or varint()
            yield number, data[at : at + size]
            at += size


def tokenizer(path):
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    pieces, rules, bpe, fallback = [], b"", False, False
    for number, content in fields(open(path, "rb").read()):
        if number == 1:
            piece = dict(fields(content))
            score = struct.unpack("<f", piece[2])[0] if 2 in piece else 0.0
            pieces.append((piece[1].decode(), score, piece.get(3, 1)))
        elif number == 2:
            settings = dict(fields(content))
            bpe, fallback = settings.get(3) == 2, bool(settings.get(35))
        elif number == 3:
            rules = dict(fields(content)).get(2, b"")
    unknown = next(i for i, p in enumerate(pieces) if p[2] == 2)
    if bpe:
        ids = {p[0]: i for i, p in enumerate(pieces)}
        normal = {p[0]: i for i, p in enumerate(pieces) if p[2] == 1}
        merges = []
        for text, i in normal.items():
            local = [(text[:k], text[k:]) for k in range(1, len(text)) if text[:k] in ids and text[k:] in ids]
            merges += [(i, ids[a], ids[b], a, b) for a, b in local]
        merges.sort()
        model = models.BPE(ids, [m[3:] for m in merges], unk_token=pieces[unknown][0], fuse_unk=True, byte_fallback=fallback)
    else:
        model = models.Unigram([p[:2] for p in pieces], unk_id=unknown, byte_fallback=fallback)
    made = Tokenizer(model)
    steps = [normalizers.Precompiled(rules)] if rules else []
    made.normalizer = normalizers.Sequence(steps + [normalizers.Strip(True, True), normalizers.Replace(Regex(" {2,}"), " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    return made


def main():
    made = None
    texts = open(sys.argv[2], "rb").read().decode(errors="replace").split("\0")
    texts = texts[:-1] if texts[-1] == "" else texts
    for line in sys.stdin:
        line, _, passes = line.strip().partition(" ")
        if made is None:
            # The library reads how many threads it may have when it starts them, so a process has one number of them.
            os.environ["RAYON_NUM_THREADS"] = "1" if line == "hash" else line
            os.environ["TOKENIZERS_PARALLELISM"] = "true"
            made = tokenizer(sys.argv[1])
        if line == "hash":
            value, count = 0xCBF29CE484222325, 0
            for encoding in made.encode_batch(texts, add_special_tokens=False):
                count += len(encoding)
            print(value, 0, count, flush=True)
            continue
        start, cpu = time.perf_counter(), time.process_time()
        count = 0
        for _ in range(int(passes)):
            count += sum(len(e) for e in made.encode_batch(texts, add_special_tokens=False))
        spent, cpu = time.perf_counter() - start, time.process_time() - cpu
        print(spent, cpu, count, flush=True)


main()
