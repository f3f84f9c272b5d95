package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes: 0 done, 1 an error, 2 a wrong command line, 3 a lane stands still (status), 130 stopped by Ctrl-C or
// SIGTERM.
const (
	exitError       = 1
	exitUsage       = 2
	exitStanding    = 3
	exitInterrupted = 130
)

// goesOn is the annotation of commands that, interrupted and given again, go on where they were.
var goesOn = map[string]string{"goes on": "yes"}

// usageError is a wrong command line, as against work that failed.
type usageError struct{ error }

// errReported ends the command with exit code 1; what was wrong has already been printed.
var errReported = errors.New("already reported")

// errStanding ends `imglish status` with exit code 3; what stands still has already been printed.
var errStanding = errors.New("a lane stands still")

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "imglish",
		Short: "The open pretraining line of BEiT-3: from raw URLs to optimizer steps",
		Long: `imglish turns public images, texts and image-text pairs into the token streams that BEiT-3 style
pretraining eats, and trains on them.

Exit codes: 0 done, 1 an error, 2 a wrong command line, 3 a lane stands still (status), 130 interrupted.
Ctrl-C lets a command keep what it has done; a second one, a second later, ends it at once.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	for _, newCommand := range commands {
		root.AddCommand(newCommand())
	}
	usageErrors(root)
	return root
}

// usageErrors makes a wrong number of arguments a wrong command line that shows the right one.
func usageErrors(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{fmt.Errorf("%w; usage: %s", err, cmd.UseLine())}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		usageErrors(sub)
	}
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	slog.SetDefault(slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, rest, err := root.Find(args)
	if err == nil && !cmd.Runnable() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		// Cobra would show the help, and exit code 0 would tell a script that all is well.
		err = fmt.Errorf("unknown command %q for %q", rest[0], cmd.CommandPath())
	} else {
		cmd, err = root.ExecuteContextC(ctx)
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		if cmd.Annotations["goes on"] != "" {
			fmt.Fprintln(stderr, "interrupted: the same command goes on where this one stopped")
		} else {
			fmt.Fprintln(stderr, "interrupted")
		}
		return exitInterrupted
	case errors.Is(err, errStanding):
		return exitStanding
	case errors.Is(err, errReported):
		return exitError
	}
	fmt.Fprintf(stderr, "error: %s\n", strings.TrimSpace(err.Error()))
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) && hinted.Hint() != "" {
		fmt.Fprintf(stderr, "hint: %s\n", hinted.Hint())
	}
	var usage usageError
	if errors.As(err, &usage) || strings.HasPrefix(err.Error(), "unknown command") || strings.HasPrefix(err.Error(), "required flag") {
		fmt.Fprintln(stderr, "hint: imglish --help lists the commands, imglish COMMAND --help its flags")
		return exitUsage
	}
	return exitError
}

// printJSON writes v as one line of JSON.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
