//go:build !race

package pipeline

const poisonAnswers = false
