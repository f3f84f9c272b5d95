// Package probe measures what a trained model knows, on rows that training never drew, against guesses that need no
// model.
//
// In go held-out micro-batches, masked by the mixer, and counts of training texts ([Counts]); out comes a [Result]: how
// often the first choice is right at masked patches and pieces, beside the baselines, and how often masked words of
// captions are right with the right image, with another sample's, and with none. Start with [Measure].
//
// The baselines of images count the held-out rows themselves, and the bigram is told the true piece before: both are
// stronger than guesses made from training data alone, so a model that beats them has learned at least that much.
//
// Concurrency: none of its own; the model's rules hold.
package probe
