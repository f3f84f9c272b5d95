package pipeline

import (
	"fmt"
	"regexp"
	"strings"
)

// Kafka says where the log is and how to get there.
type Kafka struct {
	Brokers addresses `yaml:"brokers"` // host:port; empty: the embedded broker in the data folder
	// Prefix stands in front of every topic's and every group's name, as it is: "team-a." makes team-a.mine.fetch. A
	// shared cluster gives rights by it.
	Prefix string `yaml:"prefix"`
	// LogMB bounds the log of the whole line, in MiB. It is shared among the lanes of all topics; a lane whose next
	// stage is behind by half of its share waits.
	LogMB int `yaml:"log_mb"`
	// Replication of the topics on a cluster. The embedded broker has one copy.
	Replication int `yaml:"replication"`
	// CreateTopics makes the topics that are missing, gives them partitions for new lanes, and raises the bytes that
	// they keep. Without it an administrator does; a topic that does not fit is refused either way.
	CreateTopics bool `yaml:"create_topics"`
	// Compression of lane records: none, lz4, snappy, zstd or gzip.
	Compression string `yaml:"compression"`
	TLS         *TLS   `yaml:"tls"`  // nil: plain connections; `tls: {}` trusts the system's authorities
	SASL        *SASL  `yaml:"sasl"` // nil: no log-in
}

// addresses is a list of host:port. Inside of brackets the YAML library takes a plain a:9092 for a mapping of a to 9092,
// where YAML itself sees a text; nobody who writes an address means anything else.
type addresses []string

// UnmarshalYAML reads the list.
func (a *addresses) UnmarshalYAML(unmarshal func(any) error) error {
	var list []any
	if err := unmarshal(&list); err != nil {
		return err
	}
	*a = nil
	for _, x := range list {
		switch x := x.(type) {
		case string:
			*a = append(*a, x)
			continue
		case map[string]any:
			if len(x) == 1 {
				for host, port := range x {
					*a = append(*a, fmt.Sprintf("%s:%v", host, port))
				}
				continue
			}
		}
		return fmt.Errorf("%v is no address: want host:port, in quotes", x)
	}
	return nil
}

// TLS is the encryption of connections to the brokers. Files are PEM; relative paths start at the graph file.
type TLS struct {
	CA   string `yaml:"ca"`   // authorities that brokers are trusted by; empty: the system's
	Cert string `yaml:"cert"` // of this client, for brokers that ask for one
	Key  string `yaml:"key"`  // of Cert
	// ServerName is what the brokers' certificates must name; empty: the host that is dialled.
	ServerName string `yaml:"server_name"`
}

// SASL is the log-in to the brokers. The password stands in the environment or in a file, never in the graph file.
type SASL struct {
	Mechanism    string `yaml:"mechanism"` // plain, scram-sha-256 or scram-sha-512
	Username     string `yaml:"username"`
	PasswordEnv  string `yaml:"password_env"`  // name of an environment variable
	PasswordFile string `yaml:"password_file"` // its content, without a line break at the end
	Password     secret `yaml:"password"`      // refused; here so that the error says what to do instead
}

// secret is a text that no print shows.
type secret string

func (secret) String() string               { return "(secret)" }
func (secret) GoString() string             { return "(secret)" }
func (secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// topicName is what Kafka takes.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]*$`)

// maxTopicName is Kafka's limit on a topic's name.
const maxTopicName = 249

// base is the first part of the names of the line's topics and groups.
func (c *Config) base() string { return c.Kafka.Prefix + c.Line }

// sourcesTopic is the topic of the book of sources.
func (c *Config) sourcesTopic() string { return c.base() + ".sources" }

// topics lists the line's topics: the book's first, then those of the lanes in order.
func (c *Config) topics() []string {
	out := []string{c.sourcesTopic()}
	for _, s := range c.Segments() {
		if s.Output != "" {
			out = append(out, s.Output)
		}
	}
	return out
}

// checkKafka says what is wrong with the section kafka, in a text for its place in the file, or "".
func (c *Config) checkKafka() string {
	k := c.Kafka
	switch {
	case k.LogMB < 16:
		return fmt.Sprintf("kafka.log_mb: %d, want at least 16", k.LogMB)
	case k.Replication < 1:
		return fmt.Sprintf("kafka.replication: %d, want at least 1", k.Replication)
	case !topicName.MatchString(k.Prefix):
		return fmt.Sprintf("kafka.prefix %q: letters, digits, ., _ and - only", k.Prefix)
	case len(k.Brokers) == 0 && (k.TLS != nil || k.SASL != nil):
		return "kafka.tls and kafka.sasl are for a cluster: name its kafka.brokers"
	}
	if _, err := compression(k.Compression); err != nil {
		return err.Error()
	}
	for _, t := range c.topics() {
		if len(t) > maxTopicName {
			return fmt.Sprintf("topic %s: a name of %d bytes, Kafka takes %d: choose a shorter kafka.prefix or line", t, len(t), maxTopicName)
		}
	}
	for _, b := range k.Brokers {
		if !strings.Contains(b, ":") || strings.Contains(b, "/") {
			return fmt.Sprintf("kafka.brokers: %q, want host:port", b)
		}
	}
	if t := k.TLS; t != nil && (t.Cert == "") != (t.Key == "") {
		return "kafka.tls: cert and key go together"
	}
	return k.SASL.check()
}

func (s *SASL) check() string {
	if s == nil {
		return ""
	}
	switch {
	case s.Password != "":
		return "kafka.sasl.password: a password does not belong into the graph file: name an environment variable that holds it (password_env) or a file (password_file)"
	case !contains(saslMechanisms, strings.ToLower(s.Mechanism)):
		return fmt.Sprintf("kafka.sasl.mechanism %q: want one of %s", s.Mechanism, strings.Join(saslMechanisms, ", "))
	case s.Username == "":
		return "kafka.sasl.username is missing"
	case (s.PasswordEnv == "") == (s.PasswordFile == ""):
		return "kafka.sasl: name one of password_env and password_file"
	}
	return ""
}

var saslMechanisms = []string{"plain", "scram-sha-256", "scram-sha-512"}
