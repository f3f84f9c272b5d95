// Package imagenet21k reads images by synset, in the forms that ImageNet-21K lies on people's disks:
//
//   - a folder of synset archives nXXXXXXXX.tar, each holding JPEGs, as ImageNet distributes them;
//   - one tar that holds such archives, as winter21_whole does once it is unpacked with gunzip;
//   - one tar with folders nXXXXXXXX/ of images, or one synset archive alone;
//   - a folder of folders nXXXXXXXX/ with image files.
//
// Out: one IMAGE sample a member, with its synset (the WordNet id) as label, synset/member as key, and the archive's
// fingerprint as revision. Nothing is extracted: a sample names the byte range of a file, and fetch reads that. So a
// compressed archive (.tar.gz) is refused with a hint: ranges of it cannot be read. Directories are no rows. A link, a
// device, a sparse file, a name that leaves the archive, and an archive that breaks off are skips with a reason.
//
// Reading resumes at the offset behind the last member, at no cost; in folders of images behind the last file. A tar is
// a file of the source, and so is a folder of images, whose fingerprint is taken over its names and sizes. What is left
// is counted in bytes. Start with New. A Source may be used by several goroutines, its rows by one.
package imagenet21k
