#include <stdint.h>

// imglish_peak runs a loop of 12 independent instructions of a kind (see peak.go), times times, and returns the number of
// multiply-accumulates. The processor must have the instruction.
int64_t imglish_peak(int32_t kind, int64_t times);
