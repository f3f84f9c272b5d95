package pipeline

import (
	"slices"
	"strings"
	"testing"
)

// TestKafkaSection holds what a graph file may say of a cluster; a password in it is refused and never shown.
func TestKafkaSection(t *testing.T) {
	const at = `brokers: ["a:9092"], `
	for _, tt := range []struct{ name, kafka, want string }{
		{"all", at + "prefix: team-a., compression: zstd, create_topics: false, tls: {ca: ca.pem, server_name: k}, sasl: {mechanism: plain, username: u, password_env: P}", ""},
		{"system's authorities", at + "tls: {}", ""},
		{"password", at + "sasl: {mechanism: plain, username: u, password: hunter2hunter2}", "password_env"},
		{"password beside a file", at + "sasl: {mechanism: plain, username: u, password_file: f, password: hunter2hunter2}", "does not belong"},
		{"misspelt password", at + "sasl: {mechanism: plain, username: u, pasword: hunter2hunter2}", `unknown key "pasword"`},
		{"mechanism", at + "sasl: {mechanism: gssapi, username: u, password_env: P}", "scram-sha-256"},
		{"no user", at + "sasl: {mechanism: plain, password_env: P}", "username"},
		{"no password", at + "sasl: {mechanism: plain, username: u}", "password_env"},
		{"key without cert", at + "tls: {key: k.pem}", "go together"},
		{"no brokers", "tls: {}", "kafka.brokers"},
		{"codec", at + "compression: brotli", "zstd"},
		{"prefix", at + "prefix: a/b", "kafka.prefix"},
		{"long prefix", at + "prefix: " + strings.Repeat("x", 249), "249"},
		{"broker", "brokers: [kafka]", "host:port"},
		{"plain addresses in brackets", "brokers: [127.0.0.1:9092, kafka-2.example:9093]", ""},
		{"no address", "brokers: [[a, b]]", "host:port, in quotes"},
		{"two in one", "brokers: [{a: 1, b: 2}]", "host:port, in quotes"},
		{"no list", "brokers: 7", "graph.yaml:2:18: int was used where sequence is expected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one := &numbers{name: "one", rows: []int{1}}
			text := "line: test\nkafka: {" + tt.kafka + "}\ngraph: " + graphOfThree + "\nsources: [{one: {}}]\n"
			cfg, err := Parse("graph.yaml", []byte(text), testBuilders(newMemorySink(""), one))
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(tt.kafka, "127") && !slices.Equal(cfg.Kafka.Brokers, []string{"127.0.0.1:9092", "kafka-2.example:9093"}) {
					t.Errorf("brokers %q", cfg.Kafka.Brokers)
				}
				if got := cfg.topics()[0]; got != cfg.Kafka.Prefix+"test.sources" {
					t.Errorf("topic %s, want prefix %q in front", got, cfg.Kafka.Prefix)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Parse = %v, want an error with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the password is in %q", err)
			}
		})
	}
}
