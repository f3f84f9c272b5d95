// Package scenes makes rendered pictures whose content is known exactly, so that what a model learned can be measured:
// one object, two objects, or two to four equal ones on a ground, with captions, questions and answers, boxes, masks and
// short articles about shapes and colours.
//
// In: a seed and counts. Out: a folder in the formats of the real sources (a CC12M list of URLs and captions with its
// photos, synset archives as ImageNet-21K has them, a Wikipedia dump) and truth.jsonl. Start with Write, or with New for
// a single Scene.
//
// What a caption names can be read from its picture and from nothing else: shapes and colours are drawn uniformly and
// independently of each other (only that no two colours of a scene are equal), and no other word of a caption depends on
// them, not even an article: no colour or shape starts with a vowel. So a model that fills in a masked colour better
// with the right picture than with a wrong one has looked at it.
//
// Everything is a function of seed and number. A folder's bytes depend on the seed, the counts, the settings, this
// package's Version and the version of libjpeg-turbo, and on nothing else, such as the number of processors.
//
// Scenes are no photographs: what is learned from them says that the line works, not how well it does on the world.
//
// All functions may be called from several goroutines at once.
package scenes
