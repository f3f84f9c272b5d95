// Package pixels turns encoded pictures into the exact pixels that the models see.
//
// In: the bytes of a JPEG, PNG, GIF or WebP file. Out: an Image, [H, W, 3] uint8, row-major, RGB, and back to JPEG. Start
// with Decode, then Image.Resize or ReferenceView.
//
// The published visual tokenizers and BEiT-3 models were trained on pictures that Pillow decoded and resized, and a
// picture that is resized by another rule has other codes. So this package follows Pillow bit for bit:
//
//   - JPEG by libjpeg-turbo: accurate integer inverse DCT, fancy chroma upsampling; four-component files are inverted
//     CMYK, as Adobe writes them.
//   - Grey, palette, 16-bit and transparent pictures become RGB by the rules of Pillow's convert("RGB"): alpha is
//     dropped, not blended.
//   - Resize is antialiased bicubic, bilinear or Lanczos in 8-bit fixed point, first across, then down.
//   - Jitter blends as Pillow's ImageEnhance does.
//
// Nothing is turned by its EXIF orientation, since the reference does not; Info.Orientation tells what the file asks
// for. Package pixels/vips, over libvips, makes oriented copies, thumbnails and lossless WebP.
//
// What it does not do: animations (the first frame of a GIF is the picture; animated WebP is refused), colour profiles
// (ignored, as in the reference), BMP, TIFF, SVG and other formats.
//
// Sizes are checked from the header against Limits before memory is taken. Still, Decode runs C code on bytes that
// strangers wrote: decode what comes from the web through pixels/sandbox, in a process that may die.
//
// All functions may be called from several goroutines at once. An Image has no lock of its own.
package pixels
