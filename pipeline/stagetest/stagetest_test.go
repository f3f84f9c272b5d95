package stagetest_test

import (
	"context"
	"testing"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/pipeline/stagetest"
)

func TestPlainStage(t *testing.T) {
	stagetest.Run(t, func(testing.TB) pipeline.Stage {
		return pipeline.Each(func(ctx context.Context, s *pipeline.Sample) (pipeline.Result, error) {
			if s.Kind == pipeline.Kind_IMAGE {
				return pipeline.Drop("no-image", "the test has none"), nil
			}
			s.Parts[0].Number = 7
			return pipeline.Keep(s), ctx.Err()
		})
	})
}
