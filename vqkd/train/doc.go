// Package train trains VQ-KD tokenizers.
package train
