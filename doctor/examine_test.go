package doctor_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

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

// silent is an address that refuses connections and that nobody else can take: a socket that is bound and does not listen.
func silent(t *testing.T) string {
	t.Helper()
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(s) })
	if err := unix.Bind(s, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Getsockname(s)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", at.(*unix.SockaddrInet4).Port)
}

func TestExamine(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()

	data := filepath.Join(t.TempDir(), "not", "yet")
	all := doctor.Examine(t.Context(), doctor.Config{
		Data:      data,
		Brokers:   []string{ln.Addr().String(), silent(t)},
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
