// Package doctor looks at what imglish needs of a machine and says what is there, what is missing, and what to do.
//
// Start with Examine. It changes nothing but a probe file that it writes and removes in the data folder.
package doctor
