// Package fetch is the stage that brings image bytes into the blob store: over HTTP and HTTPS by URL, or out of a byte
// range of a local archive that a source has listed.
//
// In: samples of any kind. Out: for an IMAGE or PAIR the same sample with image.blob and image.sha256 set, or a skip
// with a reason; texts and samples that have a blob pass untouched. The bytes are not decoded: clean does that. They
// only have to begin like a JPEG, PNG, GIF or WebP file.
//
// The web is taken to be hostile. Only http and https are spoken; every address that is dialled is checked after the
// name was resolved, and so again behind each redirect, and must be a public one; bytes, time, headers and redirects
// have limits; compressed transfer and proxies of the environment are off; no cookie or referrer is sent. Headers
// by which a site asks not to be used for training are honoured by default.
//
// The first bytes fetched for a URL stay that URL's bytes: a small object fetched/…, created only if it is absent,
// leads from the URL to its blob. So a line that crashed fetches nothing twice, and gives the same shards even if the
// web has changed. Delete those objects to fetch anew. Reasons and details of skips hold nothing that depends on the
// moment, such as a port of this machine.
//
// Start with New. Process may be called from several goroutines; the limits hold for all of them together.
package fetch
