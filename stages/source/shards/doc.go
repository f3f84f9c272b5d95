// Package shards reads the samples of a data set that imglish has made, so that they can be tokenized again without
// being fetched again: behind this source a graph needs only visual, text and shard.
//
// In: the committed shards of a data folder or of a place on S3. Out: the samples with their ids, kinds, references,
// licences, labels and signatures, their stored views with crop, flip and jitter, and their texts; without codes and
// ids, which visual and text fill in anew. What was skipped is left out. Bytes of images are not needed: codes are a
// function of the stored view.
//
// # What is exact
//
// Views are the same bytes, so codes are those that a fresh line with the same settings of view and the new tokenizer
// would have. A text comes in the parts that the old tokenizer's line has cut; each is cut again where the new tokenizer
// needs more pieces than fit. So a text of one part, and every pair, gets the ids of a fresh line, and with the old
// tokenizer all do. A long text of several parts gets the ids of exactly its parts, but a fresh line might have cut it
// elsewhere. With Config.Join its parts are put together with line breaks before text cuts them: cuts lie at ends of
// sentences, which a line break ends too, so the result is a fresh line's, but for two things: white space between
// sentences is a line break now, which tokenizers that tell white space apart notice; and a sentence that was longer
// than a part, or a word, has a line break where it was cut.
//
// # Files
//
// A file of the source is a run of up to 64 commits. Lanes of the data set grow side by side, so the order of its
// commits says nothing about which came first. Which were there is therefore written down in the new line's store,
// imports/<id of the old line>/, before they are read; commits that come later are files behind those. Each start looks,
// and a line that follows looks once a minute.
//
// Reading resumes at a commit and a seq in it. A Source may be used by several goroutines, its rows by one, which hold a
// few dozen rows in memory.
package shards
