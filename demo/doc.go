// Package demo shows the whole line on one machine: it makes data in the real formats, serves its pictures on loopback
// together with what goes wrong on the web, runs the line, trains a small model, and measures what it learned.
//
// Start with Run. What it shows is made by the other packages; here is only what a demonstration needs: the stand-in
// for the web, the curve, the contact sheet and the summary. It is not a library for other programs.
package demo
