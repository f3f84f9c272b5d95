"""Trains the demo's tokenizer: python train.py corpus.txt (see README.md)."""
import sys
import sentencepiece

sentencepiece.SentencePieceTrainer.train(
    input=sys.argv[1],
    model_prefix="demo",
    model_type="unigram",
    vocab_size=1200,  # a small text head trains fast; colours and shapes are single pieces already at 1,000
    max_sentence_length=20000,  # bytes; no paragraph is left out
    num_threads=1,  # with several the sums, and so the bytes, may differ from run to run
)
