package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imglish/imglish/pipeline"
)

// There is no Docker engine where imglish is developed, so these tests hold compose/ to the code: what would fail at the
// first `docker compose up` should fail here.

const composeDir = "../../compose"

// composeEnv is what a user sets in .env.
var composeEnv = map[string]string{"S3_ACCESS_KEY": "anaccesskey", "S3_SECRET_KEY": "asecretkey", "GRAFANA_PASSWORD": "apassword", "INPUT": "/input"}

func loadCompose(env map[string]string) (*types.Project, error) {
	file := filepath.Join(composeDir, "compose.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(composeDir)
	if err != nil {
		return nil, err
	}
	return loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []types.ConfigFile{{Filename: file, Content: data}},
		Environment: maps.Clone(env), // it is added to
	}, func(o *loader.Options) { o.SetProjectName("imglish", true) })
}

func composeProject(t *testing.T) *types.Project {
	t.Helper()
	p, err := loadCompose(composeEnv)
	if err != nil {
		t.Fatalf("compose.yaml: %v", err)
	}
	return p
}

// imglishServices are those that run this program.
func imglishServices(p *types.Project) map[string]types.ServiceConfig {
	out := map[string]types.ServiceConfig{}
	for name, s := range p.Services {
		if s.Build != nil && s.Build.Target == "imglish" {
			out[name] = s
		}
	}
	return out
}

func TestComposeAsksForWhatIsNotSet(t *testing.T) {
	for name := range composeEnv {
		env := maps.Clone(composeEnv)
		delete(env, name)
		if _, err := loadCompose(env); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v, want an error that names it", name, err)
		}
	}
	example, err := os.ReadFile(filepath.Join(composeDir, ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^([A-Z0-9_]+)=(.*)$`).FindAllStringSubmatch(string(example), -1) {
		names = append(names, m[1])
		if m[2] != "" {
			t.Errorf(".env.example sets %s: the user chooses it", m[1])
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(composeEnv)), names); diff != "" {
		t.Errorf(".env.example (-compose.yaml asks for +it names):\n%s", diff)
	}
}

func TestComposeHasNoSecrets(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(composeDir, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(data), "\n") {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if ok && regexp.MustCompile(`KEY|SECRET|PASSWORD|TOKEN`).MatchString(name) && !strings.HasPrefix(value, "${") {
			t.Errorf("compose.yaml:%d: %s is written down", i+1, name)
		}
	}
}

func TestComposeIsWhole(t *testing.T) {
	p := composeProject(t)
	used := map[string]string{}
	for name, s := range p.Services {
		if s.Build == nil && !pinned(s.Image) {
			t.Errorf("%s: image %s is not pinned by a tag", name, s.Image)
		}
		for need, d := range s.DependsOn {
			on, ok := p.Services[need]
			if !ok {
				t.Errorf("%s depends on %s, which is not there", name, need)
			}
			if d.Condition == types.ServiceConditionHealthy && on.HealthCheck == nil && on.Build == nil {
				t.Errorf("%s waits for %s to be healthy, which nothing says", name, need)
			}
			if d.Condition == types.ServiceConditionCompletedSuccessfully && on.Restart == "unless-stopped" {
				t.Errorf("%s waits for the end of %s, which never ends", name, need)
			}
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is open to the world", name, port.Published)
			}
		}
		for _, v := range s.Volumes {
			switch v.Type {
			case "volume":
				if by := used[v.Source]; by != "" {
					t.Errorf("%s and %s share the volume %s", name, by, v.Source)
				}
				used[v.Source] = name
			case "bind":
				if _, err := os.Stat(v.Source); err != nil && v.Source != composeEnv["INPUT"] {
					t.Errorf("%s mounts what is not there: %v", name, err)
				}
				if !v.ReadOnly {
					t.Errorf("%s may write to %s", name, v.Source)
				}
			}
		}
		if s.HealthCheck == nil && s.Build == nil {
			t.Errorf("%s has no health check", name)
		}
	}
	for v := range p.Volumes {
		if used[v] == "" {
			t.Errorf("volume %s is of no service", v)
		}
	}
}

func pinned(image string) bool {
	_, tag, ok := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return ok && regexp.MustCompile(`^v?\d+\.\d+(\.\d+)?(-[a-z]+)?$`).MatchString(tag)
}

// parsed is a command line of compose.yaml against the real commands.
func parsed(t *testing.T, service string, args []string) (*cobra.Command, []string) {
	t.Helper()
	root := newRootCommand()
	root.SetErr(io.Discard)
	cmd, rest, err := root.Find(args)
	if err == nil && cmd == root {
		err = fmt.Errorf("no command")
	}
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Fatalf("%s: imglish %s: %v", service, strings.Join(args, " "), err)
	}
	return cmd, cmd.Flags().Args()
}

func TestComposeRunsTheWholeGraph(t *testing.T) {
	p := composeProject(t)
	if p.Services["train"].Name == "" {
		t.Fatal("no trainer")
	}
	cfg := composeLine(t)
	seen := map[string]string{}
	for name, s := range imglishServices(p) {
		cmd, args := parsed(t, name, s.Command)
		if len(args) != 1 || !mounts(s, args[0], "line.yaml") {
			t.Errorf("%s: %v is not compose/line.yaml", name, args)
		}
		if !mounts(s, cfg.Data, "") {
			t.Errorf("%s: nothing is mounted on %s, the line's data folder", name, cfg.Data)
		}
		if cmd.Name() != "run" {
			continue
		}
		stages, err := cmd.Flags().GetStringSlice("stages")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pipeline.New(cfg, builders(), pipeline.Options{Stages: stages}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, stage := range stages {
			if seen[stage] != "" {
				t.Errorf("%s and %s both run %s", name, seen[stage], stage)
			}
			seen[stage] = name
		}
	}
	for _, segment := range cfg.Graph {
		for _, stage := range segment {
			if seen[stage] == "" {
				t.Errorf("no service runs %s", stage)
			}
			delete(seen, stage)
		}
	}
	if len(seen) > 0 {
		t.Errorf("stages that the graph does not have: %v", seen)
	}
}

// composeLine reads the graph file and the sections of the trainer.
func composeLine(t *testing.T) *pipeline.Config {
	t.Helper()
	cfg, err := pipeline.Load(filepath.Join(composeDir, "line.yaml"), builders())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// mounts says whether a service sees a path: a file of compose/, or a volume if file is "".
func mounts(s types.ServiceConfig, target, file string) bool {
	return slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool {
		return v.Target == target && (file == "" && v.Type == "volume" || file != "" && filepath.Base(v.Source) == file && v.ReadOnly)
	})
}

func TestComposeLineFindsItsServers(t *testing.T) {
	p, cfg := composeProject(t), composeLine(t)
	kafka := p.Services["kafka"]
	advertised := *kafka.Environment["KAFKA_ADVERTISED_LISTENERS"]
	for _, b := range cfg.Kafka.Brokers {
		if advertised != "PLAINTEXT://"+b {
			t.Errorf("line.yaml goes to %s, kafka advertises %s", b, advertised)
		}
	}
	if cfg.Kafka.Replication != 1 {
		t.Errorf("replication %d, there is one broker", cfg.Kafka.Replication)
	}
	at, err := url.Parse(cfg.Store.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	docker := readDockerfile(t)
	s3 := docker[p.Services["s3"].Build.Target]
	if at.Hostname() != "s3" || !slices.Contains(s3.entrypoint, ":"+at.Port()) || !slices.Contains(s3.expose, at.Port()) {
		t.Errorf("line.yaml goes to %s, the S3 server is started with %v and exposes %v", at, s3.entrypoint, s3.expose)
	}
	if check := strings.Join(p.Services["s3"].HealthCheck.Test, " "); !strings.Contains(check, ":"+at.Port()+"/health") {
		t.Errorf("s3 is checked by %s", check)
	}
	u, err := url.Parse(cfg.Store.URL)
	if err != nil {
		t.Fatal(err)
	}
	bucket := s3.entrypoint[len(s3.entrypoint)-1] + "/" + u.Host
	if !strings.Contains(s3.text, "mkdir -p "+bucket+" ") || !slices.Contains(s3.entrypoint, cfg.Store.Region) {
		t.Errorf("bucket %s in %s is not made by the Dockerfile:\n%s", u.Host, cfg.Store.Region, s3.text)
	}
	// What the page on it says of topics is so.
	page, err := os.ReadFile("../../docs/compose.md")
	if err != nil {
		t.Fatal(err)
	}
	topics := []string{cfg.Line + ".sources"}
	for _, s := range cfg.Segments() {
		if s.Output != "" {
			topics = append(topics, s.Output)
		}
	}
	for _, topic := range topics {
		if !strings.Contains(string(page), "`"+topic+"`") {
			t.Errorf("docs/compose.md does not name the topic %s", topic)
		}
	}
}

// The variables that services of this program get are those that it reads.
func TestComposeSetsWhatIsRead(t *testing.T) {
	code := ""
	for _, pattern := range []string{"../../store/*.go", "../../pipeline/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(err, files)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(f, "_test.go") {
				code += string(data)
			}
		}
	}
	p := composeProject(t)
	for name, s := range imglishServices(p) {
		for v := range s.Environment {
			if !strings.Contains(code, `getenv("`+v+`")`) {
				t.Errorf("%s sets %s, which nothing reads", name, v)
			}
		}
		if s.Environment["AWS_ACCESS_KEY_ID"] == nil || s.Environment["AWS_SECRET_ACCESS_KEY"] == nil {
			t.Errorf("%s has no keys for the store", name)
		}
	}
	started, err := os.ReadFile("../../store/s3test/server.go")
	if err != nil {
		t.Fatal(err)
	}
	for v := range p.Services["s3"].Environment {
		if !strings.Contains(string(started), `"`+v+`="`) {
			t.Errorf("s3 sets %s, with which the tests do not start it", v)
		}
	}
}

// The flags' names would be found wrong by parsing; that they do what compose.yaml wants is seen here.
func TestComposeServesMetrics(t *testing.T) {
	for name, s := range imglishServices(composeProject(t)) {
		cmd, _ := parsed(t, name, s.Command)
		var set []string
		cmd.Flags().Visit(func(f *pflag.Flag) { set = append(set, f.Name) })
		if !slices.Contains(set, "metrics") {
			t.Errorf("%s: flags %v: no metrics", name, set)
		}
	}
}
