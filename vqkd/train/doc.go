// Package train trains VQ-KD tokenizers as BEiT v2 does: an encoder, a codebook that follows it, and a decoder that must
// tell a teacher's vectors from the codes alone.
//
// In: a Config and [Lessons], which are pictures with a [Teacher] ([Taught]) or views whose vectors were computed before
// ([Recorded]). Out: a safetensors file with its FILE.json, which package vqkd loads. Start with [Run].
//
// A step: random resized crops and flips; the encoder's unit vectors z; the nearest codes e; loss = mean(1 − cos(decoder
// of e, teacher)) + commitment·mean((e − z)²), straight through the quantiser; AdamW with warm-up and cosine decay. The
// codebook has no gradient: it starts by k-means and follows by an exponential moving average, and codes that nothing
// takes begin again at a vector that is badly served. At first the quantiser is left out, so that k-means
// finds vectors that already mean something.
//
// One addition makes codes that last: a share of the encoder's inputs is coded as JPEG or gets noise while the teacher
// sees the clean picture.
//
// A tokenizer is judged on held-out pictures by usage (share of codes that occur), perplexity, and stability (share of
// patches whose code stays after JPEG at quality 95, and after ±2 of uniform noise). A run that stays below a floor stops
// before its end, and a tokenizer that ends below one is refused. Perplexity alone can look perfect on codes that mean
// nothing.
//
// Every draw comes from (seed, step, slot), so a run that is stopped and begun again gives the same file, and so does
// any number of threads.
//
// It uses its backend from one goroutine, and prepares batches on others.
package train
