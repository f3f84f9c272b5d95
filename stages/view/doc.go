// Package view draws the views of an image: crops of it, flipped and with changed colours, at the side that the models
// take.
//
// In: a sample whose image lies in the blob store and has passed clean. Out: the same sample with K views, each with its
// crop box, flip, jitter, and encoded pixels; their codes are still missing. Samples without an image pass untouched.
// Skips are named as by clean.
//
// What is drawn depends on the seed, the sample's id and the view's number alone, so a view can be drawn again anywhere.
// Crops are those of torchvision's RandomResizedCrop: an area and an aspect are drawn until a box fits, ten times at
// most, and the box alone, without its surroundings, is resized by the antialiased bicubic filter. Colours change after
// the resize, so contrast turns around the mean of the view and not of the whole picture. Mode "reference" draws nothing
// and gives the one view that the published tokenizer's own tool would take.
//
// Codes are computed later from the decoded pixels of the encoded view, so they are a function of what is stored.
//
// Start with New. Pictures decode in package pixels/sandbox's processes; a program that uses this package must begin
// with sandbox.RunIfWorker. A Stage may be used by several goroutines at once.
package view
