package doctor_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/imglish/imglish/doctor"
)

func find(t *testing.T, all []doctor.Finding, what string) doctor.Finding {
	t.Helper()
	for _, f := range all {
		if f.What == what {
			return f
		}
	}
	t.Fatalf("no finding about %q in %v", what, all)
	return doctor.Finding{}
}

func TestExamine(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()

	data := filepath.Join(t.TempDir(), "not", "yet")
	all := doctor.Examine(t.Context(), doctor.Config{
		Data:      data,
		Brokers:   []string{ln.Addr().String(), closed.Addr().String()},
		Libraries: map[string]string{"libvips": "8.14.1"},
		NeedDisk:  1,
	})
	for what, want := range map[string]doctor.Level{
		"libvips": doctor.OK, "tokenizers": doctor.Missing, "disk": doctor.OK, "store": doctor.OK, "broker": doctor.OK,
	} {
		if got := find(t, all, what); got.Level != want {
			t.Errorf("%s: %+v, want level %s", what, got, want)
		}
	}
	if last := all[len(all)-1]; last.What != "broker" || last.Level != doctor.Bad || last.Advice == "" {
		t.Errorf("a broker that is away: %+v, want bad with advice", last)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("Examine made the data folder")
	}
}

func TestExamineNeeds(t *testing.T) {
	all := doctor.Examine(t.Context(), doctor.Config{Data: t.TempDir(), NeedDisk: 1 << 60, NeedMemory: 1 << 60})
	for _, what := range []string{"disk", "memory"} {
		if f := find(t, all, what); f.Level != doctor.Bad || f.Advice == "" {
			t.Errorf("%s with an impossible need: %+v, want bad with advice", what, f)
		}
	}
}
