package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/stages/text"
	"github.com/imglish/imglish/vqkd"
)

type retokenOptions struct {
	from, to, data string
	tokenizer      tokenizerOptions
	text           text.Config
	join, write    bool
	run            runOptions
}

func newRetokenCommand() *cobra.Command {
	o := retokenOptions{tokenizer: tokenizerOptions{Options: vqkd.Defaults()}, text: text.Defaults()}
	cmd := &cobra.Command{
		Use:         "retoken --from DATA --to DATA [--tokenizer FILE] [--text FILE]",
		Annotations: map[string]string{goesOn: "yes"},
		Short:       "Make a data set anew with other tokenizers, from the shards of one that there is",
		Long: `Reads the views and texts that a data set keeps and makes their codes and ids with other tokenizers, of another grid or
vocabulary, into a data set of its own. Nothing is fetched, decoded from the sources or drawn anew: ids, views, texts and
references stay. Both data sets are folders or places on S3 (s3://bucket/prefix?endpoint=…).

It writes a graph file (retoken.yaml in the new data folder) and runs it. It is a line like any other: stopped, killed or
crashed, the same command goes on where it was; imglish run takes the file too, with Kafka or stages of their own if they
are written into it.

--tokenizer is needed where the data set has views, --text where it has texts; the one that was used before gives the
same codes or ids again. The tokenizer must take views of the side that is stored: --side resizes its position table.`,
		Example: "  imglish retoken --from mine --to second --tokenizer other.pth --text other.model\n" +
			"  imglish retoken --from s3://bucket/mine --to s3://bucket/second --data work --tokenizer other.pth --text beit3.spm",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRetoken(cmd, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "data set to read: a data folder, or s3://bucket/prefix")
	f.StringVar(&o.to, "to", "", "data set to make")
	f.StringVar(&o.data, "data", "", "where --to is on S3: the folder of the line's log and graph file (default: named after --to)")
	f.StringVar(&o.tokenizer.tokenizer, "tokenizer", "", "weights of the visual tokenizer: safetensors or .pth")
	o.tokenizer.shapeFlags(f)
	f.IntVar(&o.tokenizer.threads, "threads", 0, "threads of the visual tokenizer (default: all processors); changes no code")
	f.StringVar(&o.text.Tokenizer, "text", "", "text tokenizer: a SentencePiece .model, or a tokenizer.json")
	f.IntVar(&o.text.MaxPieces, "max-pieces", o.text.MaxPieces, "pieces at which a text is cut")
	f.BoolVar(&o.join, "join", false, "put the parts of a text together before they are cut anew (docs/tokenize-again.md)")
	f.BoolVar(&o.write, "write", false, "write the graph file, and do not run it")
	o.run.flags(f)
	cmd.MarkFlagRequired("from")
	cmd.MarkFlagRequired("to")
	return cmd
}

func runRetoken(cmd *cobra.Command, o retokenOptions) error {
	if o.tokenizer.tokenizer == "" && o.text.Tokenizer == "" {
		return usageError{errors.New("retoken needs --tokenizer, --text or both")}
	}
	file, err := o.prepare(cmd.Context())
	if err != nil {
		return fmt.Errorf("retoken: %w", err)
	}
	if o.write {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is written; imglish run %s runs it\n", file, file)
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "the line is in %s\n", file)
	return runRun(cmd, file, o.run)
}
