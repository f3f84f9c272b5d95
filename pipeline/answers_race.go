//go:build race

package pipeline

// poisonAnswers overwrites memory that is used again, so that the tests find whoever still reads it.
const poisonAnswers = true
