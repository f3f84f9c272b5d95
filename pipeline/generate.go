package pipeline

// The generated file is committed, so that building needs no protoc.
//go:generate protoc --go_out=. --go_opt=paths=source_relative sample.proto
