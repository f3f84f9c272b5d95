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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once what the first one did not
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
