package peak_test

import (
	"fmt"
	"time"

	"github.com/imglish/imglish/bench/peak"
)

func Example() {
	for _, k := range peak.All() {
		fmt.Printf("%v: %.1f GMAC/s\n", k, peak.Rate(k, 1, 100*time.Millisecond)/1e9)
	}
}
