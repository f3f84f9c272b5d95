package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong with the page for Prometheus is said in one line, before anything starts.
func TestMetricsAddressErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	graph := func(name, extra string) string {
		data, err := os.ReadFile("../../docs/line.yaml")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, append(data, extra...), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain, keyed, wrong := graph("plain.yaml", ""), graph("keyed.yaml", "\nmetrics: "+l.Addr().String()+"\n"), graph("wrong.yaml", "\nmetrics: 9464\n")
	inUse := "error: metrics: listen on " + l.Addr().String() + ": the port is in use\nhint: each process needs a port of its own"
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"port in use", []string{"run", plain, "--metrics", l.Addr().String()}, inUse},
		{"port of the file in use", []string{"run", keyed}, inUse},
		{"no address", []string{"run", plain, "--metrics", "9464"}, `error: metrics: "9464" is no address: want host:port, :port for this machine alone, or off`},
		{"no address in the file", []string{"plan", wrong}, `:10: metrics: "9464" is no address: want host:port, or :port for this machine alone`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := execute(t.Context(), tt.args, &out, &errs); code == 0 || !strings.Contains(errs.String(), tt.want) {
				t.Errorf("exit code %d, %q, want %q", code, errs.String(), tt.want)
			}
		})
	}
	// Nothing was started, nothing made.
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 {
		t.Errorf("%v, %v", entries, err)
	}
	// --metrics off goes before the file: the run gets as far as to its missing sources.
	var out, errs bytes.Buffer
	if code := execute(t.Context(), []string{"run", keyed, "--metrics", "off"}, &out, &errs); code == 0 || strings.Contains(errs.String(), "metrics") {
		t.Errorf("with --metrics off: exit code %d, %q", code, errs.String())
	}
}
