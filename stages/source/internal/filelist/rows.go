package filelist

import "github.com/imglish/imglish/pipeline"

// Reference says which row a skip stands for.
func Reference(r pipeline.Result, kind pipeline.Kind, from *pipeline.Origin) pipeline.Result {
	r.Skip.Stage = "source"
	r.Skip.Attempts = 1
	r.Skip.Id = pipeline.SampleID(from.Dataset, from.Key, from.Revision)
	r.Skip.Kind = kind
	r.Skip.Source = from
	return r
}

// Sample starts a sample from its origin.
func Sample(kind pipeline.Kind, from *pipeline.Origin) *pipeline.Sample {
	return &pipeline.Sample{Id: pipeline.SampleID(from.Dataset, from.Key, from.Revision), Kind: kind, Source: from}
}
