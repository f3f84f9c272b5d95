// Package mixer orders samples, masks them, and builds the batches that a trainer eats.
package mixer
