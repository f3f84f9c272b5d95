// Package cc12m reads image-text pairs from the list that Conceptual 12M is published as: a TSV file with one row a
// line, the image's URL, a tab, the caption; UTF-8, no header, no quoting. Any list of that form can be read.
//
// In: one or several list files, plain, in a fixed order. Out: one PAIR sample a line, with the URL, the caption as one
// part, the byte offset of the line as key, and the list's fingerprint as revision, since URLs repeat. Captions stay
// as they are: CC12M itself writes <PERSON> where a name stood. A line that is not such a row is a skip with a reason,
// so line n is always row n. Lines may end in CR LF.
//
// Reading resumes at the byte behind the last row, at no cost. Start with New. It does not fetch anything, and does not
// judge URLs: fetch does. A Source may be used by several goroutines, its rows by one.
package cc12m
