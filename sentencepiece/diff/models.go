package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// model is a .model to compare with.
type model struct{ name, path string }

// trained is what spm_train is asked for.
type trained struct {
	name string
	text string // training text: small, prose or mixed
	args string
}

const (
	whitespaceKept = " --normalization_rule_name=identity --remove_extra_whitespaces=false"
	symbols        = " --user_defined_symbols=ab,abc,the,▁and,an,1,00,漢字,字漢,ti,▁▁,<sep>,<0x41>x"
)

// The flags of known models are those that their publishers told or that their files hold; the text is ours, so they
// are look-alikes.
var trainings = []trained{
	{"uni_nmt_nfkc", "mixed", "--model_type=unigram --vocab_size=8000 --normalization_rule_name=nmt_nfkc"},
	{"uni_nfkc", "prose", "--model_type=unigram --vocab_size=4000 --normalization_rule_name=nfkc"},
	{"uni_nfkc_cf", "mixed", "--model_type=unigram --vocab_size=4000 --normalization_rule_name=nfkc_cf"},
	{"uni_nmt_nfkc_cf", "prose", "--model_type=unigram --vocab_size=4000 --normalization_rule_name=nmt_nfkc_cf"},
	{"uni_identity", "mixed", "--model_type=unigram --vocab_size=4000 --normalization_rule_name=identity"},
	{"uni_rules", "prose", "--model_type=unigram --vocab_size=2000 --normalization_rule_tsv=RULES"},
	{"uni_denormal", "prose", "--model_type=unigram --vocab_size=2000 --denormalization_rule_tsv=RULES"},
	{"uni_bytes", "prose", "--model_type=unigram --vocab_size=4000 --byte_fallback --character_coverage=0.99"},
	{"uni_kept", "mixed", "--model_type=unigram --vocab_size=4000 --add_dummy_prefix=false" + whitespaceKept},
	{"uni_suffix", "prose", "--model_type=unigram --vocab_size=2000 --treat_whitespace_as_suffix --unk_surface=[?]"},
	{"uni_phrases", "prose", "--model_type=unigram --vocab_size=4000 --split_by_whitespace=false --allow_whitespace_only_pieces" + whitespaceKept},
	{"uni_symbols", "mixed", "--model_type=unigram --vocab_size=6000 --byte_fallback --control_symbols=<ctl>" + symbols},
	{"uni_t5", "prose", "--model_type=unigram --vocab_size=32000 --hard_vocab_limit=false --pad_id=0 --eos_id=1 --unk_id=2 --bos_id=-1"},
	{"uni_albert", "prose", "--model_type=unigram --vocab_size=30000 --hard_vocab_limit=false --normalization_rule_name=nfkc_cf --pad_id=0 --unk_id=1 --bos_id=-1 --eos_id=-1 --control_symbols=[CLS],[SEP],[MASK] --user_defined_symbols=(,),\",-,.,–,£,€"},
	{"uni_beit3", "mixed", "--model_type=unigram --vocab_size=64000 --hard_vocab_limit=false --character_coverage=0.9995"},
	{"bpe_nmt_nfkc", "mixed", "--model_type=bpe --vocab_size=8000"},
	{"bpe_nfkc_cf", "prose", "--model_type=bpe --vocab_size=4000 --normalization_rule_name=nfkc_cf"},
	{"bpe_symbols", "mixed", "--model_type=bpe --vocab_size=6000" + symbols},
	{"bpe_suffix", "prose", "--model_type=bpe --vocab_size=2000 --split_by_whitespace=false --treat_whitespace_as_suffix"},
	{"bpe_llama", "mixed", "--model_type=bpe --vocab_size=32000 --byte_fallback --split_digits --allow_whitespace_only_pieces" + whitespaceKept},
	{"bpe_gemma", "mixed", "--model_type=bpe --vocab_size=32000 --byte_fallback --split_digits --allow_whitespace_only_pieces --add_dummy_prefix=false --pad_id=0 --eos_id=1 --bos_id=2 --unk_id=3 --user_defined_symbols=GEMMA" + whitespaceKept},
	{"word", "prose", "--model_type=word --vocab_size=8000 --hard_vocab_limit=false"},
	{"word_bytes", "mixed", "--model_type=word --vocab_size=4000 --hard_vocab_limit=false --byte_fallback" + symbols + whitespaceKept},
	{"char", "mixed", "--model_type=char --vocab_size=2000"},
	{"char_symbols", "prose", "--model_type=char --vocab_size=500 --byte_fallback --normalization_rule_name=nmt_nfkc_cf" + symbols},
}

// rules is a custom normalisation table: code points to code points, also to none and to several.
const rules = "41\t61\n41 42\t62\n41 42 43\t63 20 64\n20\t20 20\n2E\t\n65 301\tE9\n1F600\t3A 29\nE000\tFF21 20\n3A 29\t1F600\n64 6F 6E 27 74\t64 6F 20 6E 6F 74\n"

// gemmaSymbols are runs of white space and tags, as in Gemma's files.
func gemmaSymbols() string {
	var s []string
	for n := 2; n < 32; n++ {
		s = append(s, strings.Repeat("▁", n), strings.Repeat("\t", n))
	}
	for _, tag := range []string{"table", "td", "tr", "p", "h1", "b", "code"} {
		s = append(s, "<"+tag+">", "</"+tag+">")
	}
	for i := range 99 {
		s = append(s, fmt.Sprintf("<unused%d>", i))
	}
	return strings.Join(append(s, "\t", "<start_of_turn>", "[@BOS@]"), ",")
}

// makeModels leaves models in dir, trained and edited ones. What was trained before is taken.
func makeModels(lib, dir string, c *corpus, trainings []trained, edits []edited, say func(string, ...any)) ([]model, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	texts, err := c.trainingTexts(dir)
	if err != nil {
		return nil, err
	}
	table := filepath.Join(dir, "rules.tsv")
	if err := os.WriteFile(table, []byte(rules), 0o666); err != nil {
		return nil, err
	}
	var all []model
	for _, t := range trainings {
		args := strings.NewReplacer("RULES", table, "GEMMA", gemmaSymbols()).Replace(t.args)
		sum := sha256.Sum256([]byte(args + t.text))
		prefix := filepath.Join(dir, t.name+"-"+hex.EncodeToString(sum[:4]))
		if _, err := os.Stat(prefix + ".model"); err != nil {
			say("training %s", t.name)
			cmd := exec.Command(filepath.Join(lib, "bin/spm_train"), append(strings.Split(args, " "), "--input="+texts[t.text],
				"--model_prefix="+prefix+".new", "--quiet", "--num_threads=2", "--random_seed=1", "--input_sentence_size=40000", "--max_sentence_length=100000")...)
			if out, err := cmd.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("train %s: %w\n%s\n%s", t.name, err, cmd, out)
			}
			if err := os.Rename(prefix+".new.model", prefix+".model"); err != nil {
				return nil, err
			}
		}
		all = append(all, model{t.name, prefix + ".model"})
	}
	byName := map[string]string{}
	for _, m := range all {
		byName[m.name] = m.path
	}
	for _, e := range edits {
		data, err := os.ReadFile(byName[e.of])
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, e.name+".model")
		if err := os.WriteFile(path, e.edit(data, rand.New(rand.NewPCG(1, 2)), c), 0o666); err != nil {
			return nil, err
		}
		all = append(all, model{e.name, path})
	}
	return all, nil
}

// shippedModels are those that packages ship, as build/sentencepiece/install.sh leaves them.
func shippedModels(lib string) (all []model) {
	for _, pattern := range []string{"share/test/*.model", "share/models/*"} {
		paths, _ := filepath.Glob(filepath.Join(lib, pattern))
		for _, p := range paths {
			all = append(all, model{filepath.Base(p), p})
		}
	}
	return all
}

// edited is a model made of another one.
type edited struct {
	name, of string
	edit     func(data []byte, rng *rand.Rand, c *corpus) []byte
}

var edits = []edited{
	{"uni_unescaped", "uni_nmt_nfkc", appended(message(nil, 3, setting(nil, 5, 0)))},
	{"bpe_unescaped", "bpe_symbols", appended(message(nil, 3, setting(nil, 5, 0)))},
	{"uni_unused", "uni_symbols", eachPiece(markUnused)},
	{"bpe_unused", "bpe_nmt_nfkc", eachPiece(markUnused)},
	{"bpe_unused_bytes", "bpe_llama", eachPiece(markUnused)},
	{"word_unused", "word", eachPiece(markUnused)},
	{"char_unused", "char_symbols", eachPiece(markUnused)},
	{"uni_ties", "uni_nmt_nfkc", eachPiece(func(p *pieceField, _ int, _ *rand.Rand) { p.score = -1 })},
	{"uni_any_scores", "uni_identity", shuffled(anyScore)},
	{"bpe_any_scores", "bpe_nmt_nfkc", shuffled(anyScore)},
	{"uni_no_unknown", "uni_bytes", withoutUnknown},
	{"bpe_no_unknown", "bpe_llama", withoutUnknown},
	{"uni_beit3_64k", "uni_beit3", grown(64_000, false)}, // the text is too short for the trainer to find so many
	{"uni_xlmr", "uni_beit3", grown(250_000, false)},
	{"bpe_gemma_256k", "bpe_gemma", grown(256_000, true)},
	{"bpe_as_unigram", "bpe_symbols", appended(message(nil, 2, setting(nil, 3, 1)))},
	{"uni_as_bpe", "uni_symbols", appended(message(nil, 2, setting(nil, 3, 2)))},
	{"uni_as_word", "uni_phrases", appended(message(nil, 2, setting(nil, 3, 3)))},
	{"uni_as_char", "uni_symbols", appended(message(nil, 2, setting(nil, 3, 4)))},
	{"uni_denormal_spaces", "uni_denormal", appended(message(nil, 5, setting(setting(setting(nil, 3, 1), 4, 1), 5, 1)))},
}

// markUnused makes every seventh piece an unused one.
func markUnused(p *pieceField, i int, _ *rand.Rand) {
	if p.kind == 1 && i%7 == 0 {
		p.kind = 5
	}
}

// anyScore gives scores of both signs, zeros of both, equal ones, and very large and small ones.
func anyScore(p *pieceField, _ int, rng *rand.Rand) {
	switch rng.IntN(8) {
	case 0:
		p.score = float32(rng.IntN(3) - 1)
	case 1:
		p.score = float32(math.Copysign(0, -1))
	case 2:
		p.score = float32(rng.NormFloat64() * 1e6)
	case 3:
		p.score = float32(rng.NormFloat64() * 1e-6)
	default:
		p.score = float32(rng.NormFloat64() * 10)
	}
}
