// Command imglish is the open pretraining line of BEiT-3: from raw URLs to optimizer steps.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/imglish/imglish/pixels/sandbox"
)

func main() {
	sandbox.RunIfWorker() // the program also serves itself as the process that decodes pictures of strangers
	// Signals are caught to the last: one that comes when all is done must not make a failure of it.
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
