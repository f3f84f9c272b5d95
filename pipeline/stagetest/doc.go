// Package stagetest holds the tests that every stage must pass. A stage's own test calls Run in a line:
//
//	func TestStage(t *testing.T) {
//		stagetest.Run(t, func(t testing.TB) pipeline.Stage { return newStage(t) }, samples...)
//	}
//
// The promises that the tests hold are those of pipeline.Stage: one result for each sample, in order; the same input
// gives the same bytes, whatever shares the batch and however many calls run at once; a cancelled call returns;
// nothing is left running behind Close.
package stagetest
