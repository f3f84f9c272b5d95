// Package tensor is the compute contract: tensors, ops, their plain Go reference, and the shared op tests.
package tensor
