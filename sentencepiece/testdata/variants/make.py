"""Makes the models and expected values of this folder.

    pip install sentencepiece==0.2.3
    python make.py TEXT        # TEXT: any English plain text of some MB, a paragraph a line

The models have the identity normaliser, so that they are small, and each has other flags.
"""
import base64, json, random, sys
import sentencepiece as spm

SYMBOLS = ["ab", "bc", "abc", "the", "▁and", "an", "1", "00", "-", "漢字", "字漢", "<0x41>x", "ti", "▁▁"]
VARIANTS = {
    "uni_symbols": dict(model_type="unigram", user_defined_symbols=SYMBOLS, control_symbols=["<ctl>"], byte_fallback=True, vocab_size=700),
    "uni_keep": dict(model_type="unigram", remove_extra_whitespaces=False, add_dummy_prefix=False),
    "uni_spaces": dict(model_type="unigram", remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, split_by_whitespace=False),
    "uni_suffix": dict(model_type="unigram", treat_whitespace_as_suffix=True, unk_surface="[?]", pad_id=0, unk_id=3),
    "bpe_symbols": dict(model_type="bpe", user_defined_symbols=SYMBOLS),
    "bpe_spaces": dict(model_type="bpe", byte_fallback=True, allow_whitespace_only_pieces=True, remove_extra_whitespaces=False, split_digits=True, vocab_size=700),
    "bpe_phrases": dict(model_type="bpe", split_by_whitespace=False, treat_whitespace_as_suffix=True),
}


def fields(data):
    """Yields (number, value) of a protobuf message."""
    i = 0

    def varint():
        nonlocal i
        x = shift = 0
        while True:
            c = data[i]
            i += 1
            x |= (c & 127) << shift
            shift += 7
            if c < 128:
                return x

    while i < len(data):
        tag = varint()
        v = varint()
        if tag & 7 == 2:
            v, i = data[i : i + v], i + v
        yield tag >> 3, v


def texts(lines):
    rng = random.Random(5)
    bits = SYMBOLS + [" ", "  ", "   ", "\t", "\n", "▁", "<ctl>", "<s>", "<unk>", "<0x41>", "é", "e\u0301", "日", "\ufffd", "the", "ing", "a", "0", "zz"]
    out = [b"", b" ", b"  a  ", "▁".encode(), b"a\x00b", b"\xff\xfe", b"The quick brown fox.", b"  two  spaces "]
    out += [rng.choice(lines).encode()[:200] for _ in range(30)]
    for _ in range(120):
        s = b""
        for _ in range(rng.randint(1, 14)):
            r = rng.random()
            if r < 0.5:
                s += rng.choice(bits).encode()
            elif r < 0.95:
                s += rng.choice(rng.choice(lines).split(" ")).encode() + rng.choice([b"", b" "])
            else:
                s += bytes([rng.randrange(256)])
        out.append(s)
    out += ["".join(rng.choice(a) for _ in range(rng.randint(2, 60))).encode() for a in ("ab", "abc", "01", "an", "ti n", "  a") for _ in range(8)]
    return out


def main():
    lines = [l.rstrip("\n") for l in open(sys.argv[1], encoding="utf-8") if l.strip()]
    sample = texts(lines)
    for name, options in VARIANTS.items():
        options = {"vocab_size": 500, **options}
        spm.SentencePieceTrainer.train(input=sys.argv[1], model_prefix=name, normalization_rule_name="identity", character_coverage=0.995,
                                       input_sentence_size=3000, minloglevel=2, num_threads=1, **options)
        p = spm.SentencePieceProcessor(model_file=name + ".model")
        with open(name + ".jsonl", "w") as f:
            for t in sample:
                pieces = [dict(fields(v)) for n, v in fields(p.encode(t, out_type="serialized_proto")) if n == 2]
                ids = [q.get(2, 0) for q in pieces]
                f.write(json.dumps({
                    "b64": base64.b64encode(t).decode(), "ids": ids, "pieces": [q[1].decode() for q in pieces],
                    "spans": [[q.get(4, 0), q.get(5, 0)] for q in pieces], "dec": p.decode(ids)}) + "\n")


main()
