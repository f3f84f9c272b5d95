package main

import (
	"os"
	"path/filepath"
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
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: func(env *testscript.Env) error {
		env.Setenv("REPO", repo) // for the small models that ship
		return nil
	}})
}
