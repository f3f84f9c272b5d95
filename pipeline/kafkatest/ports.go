package kafkatest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
)

// Ports below the range that systems give to outgoing connections and to listeners that ask for any port.
const (
	firstPort = 15000
	lastPort  = 31999
)

// given are the ports that this process was given: a free one that is not used yet must not be given twice.
var given struct {
	sync.Mutex
	ports map[int]bool
}

// FreePort finds a port of loopback for a process to listen on. No other call in this process returns it, and what is
// down for a while finds it free when it comes back: the system gives it to nobody who does not ask for it by number.
func FreePort() (int, error) {
	given.Lock()
	defer given.Unlock()
	if given.ports == nil {
		given.ports = map[int]bool{}
	}
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if given.ports[port] {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		given.ports[port] = true
		return port, l.Close()
	}
	return 0, errors.New("find a free port: none of a hundred is")
}
