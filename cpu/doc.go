// Package cpu is the [tensor.Backend] on C kernels: plain C, AVX2 with FMA, AVX-512, AVX-512 with VNNI, and with AMX, chosen
// when the program runs.
//
// [New] takes the best instruction set of the processor; [NewWith] takes a given one, so that tests run each that the
// machine has. Tensors live in C memory; every op runs inside its call, on up to Threads threads. Heavy ops cross the
// border to C once and share their work on threads there (pool.c), light ones once for each thread's share. The border is
// kernels.h: plain pointers, sizes and a status.
// Built without cgo, the package gives the plain Go reference under its own name.
//
// Both rules of [tensor.Backend] follow from how sums are built. An element of a product is one chain of fused
// multiply-adds over k in rising order (blocks of 384, added in order), whichever register tile computes it; a sum
// within a row runs in lanes that the row's length fixes; a sum over rows goes by blocks of 64 rows, or by a chain for
// a weight's gradient. So tiles, tails and threads are chosen for speed alone. Results of different instruction sets
// differ by rounding.
//
// Products with a prepared matrix of tier fast multiply 16-bit integers (int16.c says why no sum can overflow and what
// they lose). AMX multiplies digits of 8 bits, three for tier exact and two for fast (digits.c). Everything else is float32.
//
// What it does not do: training in lower precision, fused training steps, memory that outlives Close. One goroutine at a
// time may use a backend; several backends may work side by side.
package cpu

//go:generate go run ./gelutable
