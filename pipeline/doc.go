// Package pipeline is the engine of the line: the sample, the stage, the graph, lanes, and the log on Kafka's protocol.
package pipeline
