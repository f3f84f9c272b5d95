// Package wikipedia reads articles from the XML dumps of Wikipedia and other MediaWiki sites, and turns their wikitext
// into plain text.
//
// In: pages-articles files as they are published: .xml.bz2 in one stream or many (multistream), .xml.gz, or .xml; told
// apart by content. Out: one TEXT sample an article with its text as one uncut part, the page id as key, the revision
// id as revision, the title, its address, and the licence. Pages outside of the main namespace, redirects, and pages
// that are not wikitext are no rows at all. An article whose text comes out empty, one that is too large, and a part of
// a dump that is damaged are skips with a reason.
//
// Page ids are those of one wiki: dumps of several languages need a source, and a dataset name, each.
//
// Memory is bounded by the largest page allowed. Resuming costs what the compression makes it cost: nothing in plain
// XML; the part of one stream before the row in a multistream dump (100 pages); decompression of all before the row,
// without parsing it, in a dump of one stream (bzip2 gives some 10 MB of text a second: prefer multistream dumps). No
// index file is needed. What is left is counted in bytes of the files as they lie on disk.
//
// Start with New, or with Text for wikitext from elsewhere. It does not expand templates, whose definitions dumps of
// articles do not hold: it knows the common ones that carry text, and leaves the others out, as tables, pictures,
// references and lists of links. A Source may be used by several goroutines, its rows by one.
package wikipedia
