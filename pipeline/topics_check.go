package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/segmentio/kafka-go"
)

// checkTopics compares topics that exist with what the line needs, raises the bytes that they keep where it may, and
// returns the bytes that each keeps (by name; those of lanes only). Everything that does not fit is in one error.
func (k *kafkaLog) checkTopics(ctx context.Context, wants []topicWant, logger *slog.Logger) (map[string]int64, error) {
	var wrong, commands []string
	limits := map[string]int64{}
	for _, w := range wants {
		have, err := k.describe(ctx, w.name)
		if unauthorised(err) {
			logger.Warn("the settings of a topic cannot be checked: this user may not see them", "topic", w.name, "expected", w.text())
			limits[w.name] = w.limit
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := k.raiseLimit(ctx, w, have); err != nil {
			return nil, err
		}
		var alter []string
		for _, m := range w.misfits(have) {
			wrong = append(wrong, w.name+": "+m.what)
			if m.setting != "" {
				alter = append(alter, m.setting)
			} else {
				commands = append(commands, m.command)
			}
		}
		if len(alter) > 0 {
			commands = append(commands, fmt.Sprintf("kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config %s",
				k.at, w.name, strings.Join(alter, ",")))
		}
		limits[w.name] = w.limit
		if n := have.number("retention.bytes"); n > w.limit {
			limits[w.name] = n
		}
	}
	if len(wrong) > 0 {
		return nil, refusal(fmt.Errorf("topics do not fit the line:\n  %s", strings.Join(wrong, "\n  ")), k.commands(commands...))
	}
	return limits, nil
}

// topicHas is a topic as it is.
type topicHas struct {
	partitions, copies int
	settings           map[string]string
}

func (h topicHas) number(setting string) int64 {
	n, err := strconv.ParseInt(h.settings[setting], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (k *kafkaLog) describe(ctx context.Context, topic string) (topicHas, error) {
	have := topicHas{settings: map[string]string{}}
	meta, err := k.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return have, fmt.Errorf("partitions of %s: %w", topic, err)
	}
	for _, t := range meta.Topics {
		if t.Name == topic && t.Error == nil {
			have.partitions = len(t.Partitions)
			for _, p := range t.Partitions {
				if have.copies == 0 || len(p.Replicas) < have.copies {
					have.copies = len(p.Replicas)
				}
			}
		}
	}
	res, err := k.client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
	}}})
	if err != nil {
		return have, fmt.Errorf("settings of topic %s: %w", topic, err)
	}
	for _, r := range res.Resources {
		if r.Error != nil {
			return have, fmt.Errorf("settings of topic %s: %w", topic, r.Error)
		}
		for _, e := range r.ConfigEntries {
			have.settings[e.ConfigName] = e.ConfigValue
		}
	}
	return have, nil
}

// raiseLimit raises the bytes that a topic keeps, and puts what holds into have. It is never lowered, since that would
// drop records.
func (k *kafkaLog) raiseLimit(ctx context.Context, w topicWant, have topicHas) error {
	if n := have.number("retention.bytes"); !k.create || w.limit == 0 || n < 0 || n >= w.limit {
		return nil
	}
	set := map[string]string{"retention.bytes": strconv.FormatInt(w.limit, 10), "segment.bytes": segmentBytes(w.limit)}
	var entries []kafka.IncrementalAlterConfigsRequestConfig
	for _, name := range names(set) {
		entries = append(entries, kafka.IncrementalAlterConfigsRequestConfig{Name: name, Value: set[name], ConfigOperation: kafka.ConfigOperationSet})
	}
	res, err := k.client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: w.name, Configs: entries}},
	})
	if err == nil && len(res.Resources) > 0 {
		err = res.Resources[0].Error
	}
	switch {
	case unauthorised(err):
		return nil // a misfit that an administrator mends
	case err != nil:
		return fmt.Errorf("raise retention.bytes of topic %s to %d: %w", w.name, w.limit, err)
	}
	for name, v := range set {
		have.settings[name] = v
	}
	return nil
}

// misfit is what is wrong with a topic, and the setting or the command that mends it.
type misfit struct{ what, setting, command string }

// misfits are the rules of a topic. Each has its reason: see docs/decisions/0005-kafka-go.md.
func (w topicWant) misfits(have topicHas) []misfit {
	var out []misfit
	wants := map[string]string{}
	for _, e := range w.settings() {
		wants[e.ConfigName] = e.ConfigValue
	}
	rule := func(name, why string, ok bool) {
		if !ok {
			out = append(out, misfit{what: fmt.Sprintf("%s=%s, want %s (%s)", name, have.settings[name], wants[name], why), setting: name + "=" + wants[name]})
		}
	}
	is := func(name string) bool { return have.settings[name] == wants[name] }
	keeps := have.number("retention.bytes")
	rule("cleanup.policy", "compaction would take records out of a lane", is("cleanup.policy"))
	rule("retention.ms", "records may expire only when the next stage has taken them", is("retention.ms"))
	rule("retention.bytes", "kafka.log_mb's share of a lane; the book keeps everything", keeps < 0 || w.limit > 0 && keeps >= w.limit)
	rule("max.message.bytes", "the largest record", have.number("max.message.bytes") >= maxMessage)
	rule("min.insync.replicas", "what is acknowledged must survive a broker", have.number("min.insync.replicas") >= int64(min(2, w.copies)))
	rule("unclean.leader.election.enable", "it loses acknowledged records", is("unclean.leader.election.enable"))
	if have.copies < w.copies {
		out = append(out, misfit{
			what:    fmt.Sprintf("%d copies, want %d (kafka.replication)", have.copies, w.copies),
			command: fmt.Sprintf("kafka-reassign-partitions.sh gives %s more copies; or set kafka.replication: %d", w.name, have.copies),
		})
	}
	switch {
	case have.partitions < w.partitions:
		out = append(out, misfit{what: fmt.Sprintf("%d partitions, want %d", have.partitions, w.partitions), command: extendCommand(w.name, w.partitions)})
	case have.partitions > w.partitions && w.lanes:
		out = append(out, misfit{
			what:    fmt.Sprintf("%d partitions, want %d (one for each lane)", have.partitions, w.partitions),
			command: fmt.Sprintf("partitions cannot be taken away: give the line a topic of its own (another `line` or kafka.prefix), or delete %s if it is not in use", w.name),
		})
	}
	return out
}

// text is the topic on a line.
func (w topicWant) text() string {
	var set []string
	for _, e := range w.settings() {
		set = append(set, e.ConfigName+"="+e.ConfigValue)
	}
	return strings.Join(set, " ")
}

// command makes the topic.
func (w topicWant) command() string {
	return fmt.Sprintf("kafka-topics.sh --bootstrap-server BROKER --create --topic %s --partitions %d --replication-factor %d --config %s",
		w.name, w.partitions, w.copies, strings.ReplaceAll(w.text(), " ", " --config "))
}

func extendCommand(topic string, partitions int) string {
	return fmt.Sprintf("kafka-topics.sh --bootstrap-server BROKER --alter --topic %s --partitions %d", topic, partitions)
}

// commands is a hint of commands for an administrator.
func (k *kafkaLog) commands(lines ...string) string {
	return "an administrator mends it by:\n  " + strings.ReplaceAll(strings.Join(lines, "\n  "), "BROKER", k.at)
}
