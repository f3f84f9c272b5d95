// Command imglish is the open pretraining line of BEiT-3: from raw URLs to optimizer steps.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/imglish/imglish/pixels/sandbox"
)

func main() {
	sandbox.RunIfWorker() // the program also serves itself as the process that decodes pictures of strangers
	// Signals are caught to the last: one that comes when all is done must not make a failure of it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the process, whatever it waits for: a pipe, a share that is away. Within a second it is meant once:
	// who stops processes may send it to one and to its group.
	context.AfterFunc(ctx, func() { time.Sleep(time.Second); stop() })
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
