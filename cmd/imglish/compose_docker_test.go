package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dockerStage is what these tests need of one stage of a Dockerfile.
type dockerStage struct {
	from       string
	user       string
	entrypoint []string
	health     string
	expose     []string
	copies     [][]string // arguments of each COPY, flags left out
	text       string     // all of it, lines joined
}

// readDockerfile reads compose/Dockerfile, by stage.
func readDockerfile(t *testing.T) map[string]*dockerStage {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(composeDir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	stages := map[string]*dockerStage{}
	var at *dockerStage
	joined := regexp.MustCompile(`\\\n\s*`).ReplaceAllString(string(data), "")
	for line := range strings.Lines(joined) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		if word == "FROM" {
			f := strings.Fields(rest)
			if len(f) != 3 || f[1] != "AS" {
				t.Fatalf("Dockerfile: %s: want FROM image AS name", line)
			}
			at = &dockerStage{from: f[0]}
			if base := stages[f[0]]; base != nil {
				at.user, at.entrypoint, at.text = base.user, base.entrypoint, base.text
			}
			stages[f[2]] = at
			continue
		}
		if at == nil {
			t.Fatalf("Dockerfile: %s stands in front of FROM", line)
		}
		at.text += line + " \n"
		switch word {
		case "USER":
			at.user = rest
		case "EXPOSE":
			at.expose = append(at.expose, strings.Fields(rest)...)
		case "HEALTHCHECK":
			at.health = rest
		case "ENTRYPOINT":
			at.entrypoint = nil
			if err := json.Unmarshal([]byte(rest), &at.entrypoint); err != nil {
				t.Fatalf("Dockerfile: %s: %v", line, err)
			}
		case "COPY":
			var args []string
			for _, f := range strings.Fields(rest) {
				if from, ok := strings.CutPrefix(f, "--from="); ok {
					if stages[from] == nil {
						t.Errorf("Dockerfile: %s: no stage is named so", line)
					}
					args = nil
					break
				}
				args = append(args, f)
			}
			if args != nil {
				at.copies = append(at.copies, args)
			}
		case "RUN", "WORKDIR", "VOLUME", "CMD":
		default:
			t.Errorf("Dockerfile: unknown instruction %s", word)
		}
	}
	return stages
}

func TestDockerfile(t *testing.T) {
	stages := readDockerfile(t)
	for name, s := range stages {
		if stages[s.from] == nil && !pinned(s.from) {
			t.Errorf("%s: base %s is not pinned by a tag", name, s.from)
		}
		for _, c := range s.copies {
			for _, from := range c[:len(c)-1] {
				if _, err := os.Stat(filepath.Join("../..", from)); err != nil {
					t.Errorf("%s copies what is not there: %v", name, err)
				}
			}
		}
	}
	for name, s := range composeProject(t).Services {
		if s.Build == nil {
			continue
		}
		d := stages[s.Build.Target]
		if d == nil {
			t.Errorf("%s: the Dockerfile has no stage %s", name, s.Build.Target)
			continue
		}
		if d.user == "" || d.user == "root" {
			t.Errorf("%s runs as %q", s.Build.Target, d.user)
		}
		if len(d.entrypoint) < 3 || d.entrypoint[0] != "tini" || d.entrypoint[1] != "--" {
			t.Errorf("%s: entrypoint %v has nobody who passes signals on", s.Build.Target, d.entrypoint)
		}
		if s.HealthCheck == nil && d.health == "" {
			t.Errorf("%s has no health check", name)
		}
		if context, err := filepath.Abs("../.."); err != nil || filepath.Clean(s.Build.Context) != context {
			t.Errorf("%s is built from %s, want the repository's root", name, s.Build.Context)
		}
		if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	image := stages["imglish"]
	if !strings.Contains(image.health, "/healthz") || !strings.Contains(stages["base"].text, " curl ") {
		t.Errorf("the image is not checked by /healthz with a curl that it has: %s", image.health)
	}
}

// Versions that stand in two places are the same.
func TestDockerVersions(t *testing.T) {
	read := func(path, pattern string) string {
		t.Helper()
		data, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(pattern).FindStringSubmatch(string(data))
		if m == nil {
			t.Fatalf("%s has no %s", path, pattern)
		}
		return m[1]
	}
	for _, tt := range []struct{ what, here, there string }{
		{"Kafka of the tests", read("compose/compose.yaml", `image: apache/kafka:(\S+)`), read("build/kafka/pom.xml", `<artifactId>kafka_2\.13</artifactId>\s*<version>([^<]+)`)},
		{"S3 server of the tests", read("compose/Dockerfile", `versitygw@(\S+)`), read("build/s3/install.sh", `(?m)^version=(\S+)`)},
		{"Go", read("compose/Dockerfile", `FROM golang:(\d+\.\d+)`), read("go.mod", `(?m)^go (\d+\.\d+)`)},
	} {
		if tt.here != tt.there {
			t.Errorf("%s: compose has %s, not %s", tt.what, tt.here, tt.there)
		}
	}
	setup, err := os.ReadFile("../../build/setup.sh")
	if err != nil {
		t.Fatal(err)
	}
	build := readDockerfile(t)["build"].text
	for _, m := range regexp.MustCompile(`need\+=\((lib\S+)\)`).FindAllStringSubmatch(string(setup), -1) {
		if !strings.Contains(build, " "+m[1]+" ") {
			t.Errorf("the image is built without %s, which build/setup.sh installs", m[1])
		}
	}
}

// The build gets the sources, and no secrets.
func TestDockerignore(t *testing.T) {
	data, err := os.ReadFile("../../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	ignored := strings.Fields(regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(string(data), ""))
	for _, want := range []string{".git", ".cache", "**/.env"} {
		if !slices.Contains(ignored, want) {
			t.Errorf(".dockerignore lets %s in", want)
		}
	}
	for _, dir := range ignored {
		if strings.ContainsAny(dir, "*") {
			continue
		}
		filepath.WalkDir(filepath.Join("../..", dir), func(path string, d os.DirEntry, err error) error {
			if err != nil || dir == ".git" || dir == ".cache" {
				return filepath.SkipAll
			}
			if strings.HasSuffix(path, ".go") {
				t.Errorf(".dockerignore leaves out %s, which is built", path)
			}
			return nil
		})
	}
}
