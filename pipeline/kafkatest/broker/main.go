// Command broker runs one Apache Kafka broker in the foreground, for a person: `make kafka`. Ctrl-C ends it; its data
// stay.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

func main() {
	dir := flag.String("dir", filepath.Join(".cache", "kafka", "data"), "data folder, used again if it has data")
	port := flag.Int("port", 9092, "port on 127.0.0.1")
	brokers := flag.Int("brokers", 1, "1 or 3 brokers, the others on free ports")
	flag.Parse()
	if err := run(*dir, *port, *brokers); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(dir string, port, brokers int) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "starting Apache Kafka, data in", dir)
	c, err := kafkatest.New(dir, kafkatest.Options{Port: port, Brokers: brokers, Production: true})
	if err != nil {
		return err
	}
	defer c.Close()
	// Quoted: in a flow mapping host:port without quotes is read as a pair.
	fmt.Printf("kafka: {brokers: [\"%s\"], replication: %d}\n", strings.Join(c.Addrs(), `", "`), brokers)
	fmt.Fprintln(os.Stderr, "Ctrl-C ends it")
	<-ctx.Done()
	fmt.Fprintln(os.Stderr, "ending")
	return nil
}
