// Package vips holds what imglish leaves to libvips, through bimg: thumbnails for people, upright copies of files, and
// lossless WebP.
//
// In and out are encoded files, or a pixels.Image to encode. Nothing here makes the pixels that a model sees: bimg's
// resize is not antialiased as the models' training was, and its rotation encodes again. The models' pixels come from
// package pixels, which also turns pictures exactly (Image.Turn).
//
// libvips can read many formats whose decoders were not written with hostile files in mind (TIFF, SVG, PDF, ImageMagick's
// and others). Before the first call this package switches libvips to its trusted loaders, as VIPS_BLOCK_UNTRUSTED does,
// and it accepts only the formats that pixels.Probe knows, with its limits. Still, give it bytes from the web only where
// a crash does little harm.
//
// Importing the package starts libvips (bimg does so), which costs some milliseconds and megabytes; so nothing of the
// line imports it but for settings that ask for it. Functions may be called from several goroutines at once. bimg's own
// users report that memory grows over millions of calls: a long process does better to be recycled.
package vips
