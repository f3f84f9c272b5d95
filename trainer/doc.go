// Package trainer holds the Multiway Transformer of BEiT-3, its one objective (mask, then predict, on images, texts and
// pairs), AdamW, the training loop and checkpoints. It runs on any tensor.Backend.
//
// In go micro-batches (mixer.Micro: pixels, codes, masks, ids); out come checkpoints, a line of losses a step, and the
// trained [Model]. Start with [Run]; to use a model that is there, with [Open].
//
// One set of settings covers two forms. The paper's: attention and its norms shared by the modalities, a vision and a
// language expert in each layer and a vision-language expert in the top ones. The released models': every weight twice
// (SplitAttention, SplitNorms), a norm more in each sublayer (SubNorm), no vision-language expert.
//
// A batch's loss is the sum of four terms, each the mean over its masked positions in the whole batch times its weight,
// so it does not depend on how the batch is cut. A batch is held in host memory as a whole, and so is the next one.
//
// What a step does depends on the checkpoint, the batch and the settings alone: a run that is stopped and resumed gives
// the same weights, bit for bit, on the same backend. Checkpoints hold float32.
//
// The package does not choose, order or mask samples (package mixer), and has no downstream heads.
//
// Concurrency: one goroutine at a time may use a Model; Run fetches the next batch beside the step.
package trainer
