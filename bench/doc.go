// Bench measures the line's engine side by side with its peers, on one machine in one run. `make bench` runs every
// comparison, `make bench BENCH=pass-1k` one.
//
// Peers are installed once into .cache/bench: Benthos by its own Go module (peers/benthos), so that its dependencies stay
// out of ours, and Apache Kafka with its performance tools by Maven (peers/kafka).
//
// # What is fair
//
//   - All use one broker of Apache Kafka with its default settings, on the JVM's default compiler, and topics of as many
//     partitions. The records are of one size, neither compressed nor keyed, acknowledged by all replicas.
//
//   - Contestants run in turn, each round beginning with another one; a round before the first warms up the broker and
//     does not count. Medians are shown, with the least and the most, and ratios are taken within a round.
//
//   - Before each run a process of ours touches more memory than the run takes, and ends (warm.go): else luck decides who
//     pays a virtual machine's price for pages that it has not touched yet.
//
//   - Time runs from the first record in the output topic to the last, so without start-up; with it, it stands beside.
//
//   - The CPU time is that of a contestant's processes; the broker's meanwhile stands apart. Memory is the most that a
//     contestant's processes had resident, added up.
//
//   - Every output is counted; another number than went in is an error.
//
//   - The comparison "text" needs neither Kafka nor a broker. Its peers read the same texts with the same models, called
//     from C++ into a vector of ints, or through their own batch call; their processes live through all rounds. Ours and
//     Google's ids must have one hash. Seconds of CPU stand beside the time, since a busy machine changes them less.
//
//   - The comparisons of pictures ("vision", "resize", "stage") need neither. Their peers are PyTorch, ONNX Runtime, OpenVINO
//     and Pillow, from Python, each in a virtual environment of its own (peers/vision). All get the same weights, made by a
//     formula, and the same uint8 pixels; peers in float32 must give our codes, or it is an error, and Pillow our bytes. With
//     -isa avx2 all are held to AVX2: the peers by their settings, and MLAS, which has none, by a copy that sees no AVX-512.
//
// docs/benchmarks.md holds results and says how to repeat them.
package main
