// Package sandbox decodes pictures in processes that may die.
//
// A decoder that meets a crafted file can crash, hang, or ask for all memory, and in a process that does other work it
// takes that work with it. A Pool keeps a few worker processes, feeds them one picture at a time, and replaces a worker
// that dies, that takes too long, or that has done its share. Only the picture that did it fails, with ErrCrash or
// ErrTimeout.
//
// In: encoded bytes. Out: a pixels.Image, or several cut and resized in the worker, and pixels.Info. The results are
// those of pixels.Decode. Start with New; a Pool may be used by several goroutines at once.
//
// A worker is the same program, started again with the argument Arg. So main must begin with RunIfWorker, and so must
// TestMain of a package whose tests make a Pool. A worker has an empty environment, a limit on its memory, and nothing
// open but the two pipes. It keeps the user's rights: this package contains accidents and attacks on memory and time,
// not a decoder that has been taken over.
package sandbox
