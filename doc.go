// Package imglish is the root of the open pretraining line of BEiT-3 ("Image as a Foreign Language"): from raw URLs to
// optimizer steps. It holds no code but the test of the import arrows; docs/ARCHITECTURE.md is the map.
package imglish
