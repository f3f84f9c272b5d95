package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/imglish/imglish/pixels/sandbox"
)

// asCommand makes the test binary behave as the program, for tests that start and kill it.
const asCommand = "IMGLISH_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	sandbox.RunIfWorker()
	if graph := os.Getenv(deadGraph); graph != "" {
		runDeadLine(graph)
		return
	}
	if os.Getenv(asCommand) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"imglish": main})
}

// TestScripts runs the command lines of testdata/script as a user types them.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}
