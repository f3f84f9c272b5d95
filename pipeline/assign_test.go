package pipeline

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
)

func TestStickyBalancer(t *testing.T) {
	partitions := func(counts map[string]int) (out []kafka.Partition) {
		for topic, n := range counts {
			for i := range n {
				out = append(out, kafka.Partition{Topic: topic, ID: i})
			}
		}
		return out
	}
	member := func(id string, had map[string][]int, topics ...string) kafka.GroupMember {
		data, err := json.Marshal(had)
		if err != nil {
			t.Fatal(err)
		}
		return kafka.GroupMember{ID: id, Topics: topics, UserData: data}
	}
	for _, tt := range []struct {
		name    string
		members []kafka.GroupMember
		counts  map[string]int
		want    kafka.GroupMemberAssignments
	}{
		{
			"one takes all", []kafka.GroupMember{member("a", nil, "x", "y")}, map[string]int{"x": 3, "y": 1},
			kafka.GroupMemberAssignments{"a": {"x": {0, 1, 2}, "y": {0}}},
		},
		{
			"a second gets half, the first keeps the rest",
			[]kafka.GroupMember{member("b", map[string][]int{"x": {0, 1, 2, 3}}, "x"), member("a", nil, "x")}, map[string]int{"x": 4},
			kafka.GroupMemberAssignments{"b": {"x": {0, 1}}, "a": {"x": {2, 3}}},
		},
		{
			"what a dead one had is dealt out, nothing else moves",
			[]kafka.GroupMember{member("a", map[string][]int{"x": {1, 4}}, "x"), member("b", map[string][]int{"x": {2, 5}}, "x")},
			map[string]int{"x": 6},
			kafka.GroupMemberAssignments{"a": {"x": {1, 4, 0}}, "b": {"x": {2, 5, 3}}},
		},
		{
			"each only gets topics that it reads",
			[]kafka.GroupMember{member("a", nil, "x"), member("b", nil, "x", "y")}, map[string]int{"x": 2, "y": 2},
			kafka.GroupMemberAssignments{"a": {"x": {0}}, "b": {"x": {1}, "y": {0, 1}}},
		},
		{
			"claims of the same lane", []kafka.GroupMember{member("a", map[string][]int{"x": {0}}, "x"), member("b", map[string][]int{"x": {0, 1}}, "x")},
			map[string]int{"x": 2}, kafka.GroupMemberAssignments{"a": {"x": {0}}, "b": {"x": {1}}},
		},
		{
			"garbage", []kafka.GroupMember{{ID: "a", Topics: []string{"x"}, UserData: []byte("{")}, member("b", map[string][]int{"x": {77, -1}}, "x")},
			map[string]int{"x": 2}, kafka.GroupMemberAssignments{"a": {"x": {0}}, "b": {"x": {1}}},
		},
	} {
		if diff := cmp.Diff(tt.want, stickyBalancer{}.AssignGroups(tt.members, partitions(tt.counts))); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	for members := 1; members < 8; members++ {
		for n := range 20 {
			var ms []kafka.GroupMember
			for i := range members {
				ms = append(ms, member(fmt.Sprint(i), map[string][]int{"x": {i, i + 1, i + 2, i + 3}}, "x"))
			}
			all, least, most := map[int]bool{}, n, 0
			for _, a := range (stickyBalancer{}).AssignGroups(ms, partitions(map[string]int{"x": n})) {
				least, most = min(least, len(a["x"])), max(most, len(a["x"]))
				for _, p := range a["x"] {
					all[p] = true
				}
			}
			if len(all) != n || most-least > 1 {
				t.Errorf("%d members, %d lanes: %d dealt out, shares from %d to %d", members, n, len(all), least, most)
			}
		}
	}
}
