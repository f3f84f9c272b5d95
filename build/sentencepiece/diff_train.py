#!/usr/bin/env python3
"""diff_train.py TEXTS ORIGINAL IMGLISH [--lock FILE]: trains with both programs on the same texts, side by side.

TEXTS is the folder of train_texts.py, ORIGINAL the folder of the original's programs, IMGLISH the binary. For each corpus,
type and size it prints how many tokens the original's own encoder makes of the held-out lines with either model, and for
either training the seconds that passed, those of processor time in all threads, and the peak memory. Exits 1 if tokens
differ by more than 1 % to the worse, or if BPE makes other pieces, scores or another order than the original. With --lock each timing holds that file's lock, so that other work on the machine
waits.
"""
import argparse
import fcntl
import os
import subprocess
import sys
import tempfile
import time

CASES = [  # corpus, type, pieces, threads
    *((c, "unigram", v, t) for c, v in [("wiki", 8000), ("en", 8000), ("en", 32000), ("cjk", 8000), ("cjk", 32000), ("multi", 32000)] for t in (1, 2)),
    *((c, "bpe", v, t) for c, v in [("wiki", 8000), ("en", 8000), ("en", 32000), ("cjk", 8000), ("cjk", 32000), ("multi", 32000)] for t in (1, 2)),
]


def timed(args, lock):
    """Seconds, seconds of processor time and peak MB of a program; None if it fails, and its last line."""
    with tempfile.TemporaryFile("w+") as err, open(lock or os.devnull, "w") as held:
        if lock:
            fcntl.flock(held, fcntl.LOCK_EX)
        start = time.monotonic()
        child = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        took = time.monotonic() - start
        if child.returncode != 0:
            err.seek(0)
            return None, None, (err.read().strip().split("\n") or [""])[-1]
        return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def tokens(original, model, held):
    with open(held, "rb") as lines:
        out = subprocess.run([f"{original}/spm_encode", f"--model={model}", "--output_format=id"], stdin=lines, stdout=subprocess.PIPE, check=True)
    return len(out.stdout.split())


def pieces_of(original, model):
    return subprocess.run([f"{original}/spm_export_vocab", f"--model={model}", "--output=/dev/stdout"], stdout=subprocess.PIPE, check=True).stdout


def main():
    p = argparse.ArgumentParser()
    p.add_argument("texts")
    p.add_argument("original")
    p.add_argument("imglish")
    p.add_argument("--lock")
    p.add_argument("--only", default="", help="cases whose row holds this")
    a = p.parse_args()
    worst, other = 0.0, []
    print("| texts | type | pieces | threads | tokens a byte | to the original's | seconds | original | processor seconds | original | times as fast | peak MB | original | ratio |")
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|", flush=True)
    with tempfile.TemporaryDirectory() as work:
        for corpus, kind, pieces, threads in CASES:
            if a.only not in f"{corpus} {kind} {pieces} {threads}":
                continue
            train, held = f"{a.texts}/{corpus}.train", f"{a.texts}/{corpus}.held"
            theirs, ours = f"{work}/theirs", f"{work}/ours.model"
            s1, cpu1, mb1 = timed([f"{a.original}/spm_train", f"--input={train}", f"--model_prefix={theirs}", f"--model_type={kind}", f"--vocab_size={pieces}",
                             f"--num_threads={threads}", "--max_sentence_length=1000000"], a.lock)
            s2, cpu2, mb2 = timed([a.imglish, "text", "train", "--out", ours, "--type", kind, "--vocab", str(pieces), "--threads", str(threads), train], a.lock)
            if s1 is None or s2 is None:
                print(f"| {corpus} | {kind} | {pieces} | {threads} | imglish: {mb2 if s2 is None else 'done'}; the original: {mb1 if s1 is None else 'done'} |", flush=True)
                worst = max(worst, 2 if s2 is None else 0)
                continue
            if kind == "bpe" and pieces_of(a.original, theirs + ".model") != pieces_of(a.original, ours):
                other.append(f"{corpus} {pieces}")
            n1, n2 = tokens(a.original, theirs + ".model", held), tokens(a.original, ours, held)
            size = os.path.getsize(held)
            worst = max(worst, n2 / n1)
            print(f"| {corpus} | {kind} | {pieces} | {threads} | {n2 / size:.4f} | {n2 / n1:.4f} | {s2:.1f} | {s1:.1f} | {cpu2:.1f} | {cpu1:.1f} | {cpu1 / cpu2:.2f} | {mb2:.0f} | {mb1:.0f} | {mb2 / mb1:.2f} |", flush=True)
    if worst > 1.01:
        print(f"tokens: {worst:.4f} times the original's, more than 1.01", file=sys.stderr)
    if other:
        print(f"BPE makes other pieces than the original: {', '.join(other)}", file=sys.stderr)
    return int(worst > 1.01 or bool(other))


if __name__ == "__main__":
    sys.exit(main())
