// Package tensor is the compute contract: tensors, ops, their plain Go reference, and the checks on shapes.
//
// A [Tensor] is a handle to memory that its [Backend] owns, so model code written on a Backend runs on any of them. Start
// with the [Backend] interface: it lists every op with its shapes. [NewReference] is the definition of each op in plain
// loops, in float32 or float64, one file an op family; other backends (package cpu) are held to it by package optest,
// and call the Check functions here first, so that a wrong shape panics with the same text everywhere.
//
// The package does not do automatic differentiation, broadcasting, strides or graph rewriting: backward passes are
// written out by the model.
//
// Concurrency: one goroutine at a time may use a Backend; a Backend may use several threads inside an op.
package tensor
