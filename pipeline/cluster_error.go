package pipeline

import (
	"errors"

	"github.com/segmentio/kafka-go"
)

// clusterError is what the cluster refuses: ErrFatal, with a hint for whoever can mend it.
type clusterError struct {
	err  error
	hint string
}

func refusal(err error, hint string) error { return &clusterError{err, hint} }

func (e *clusterError) Error() string        { return e.err.Error() }
func (e *clusterError) Unwrap() error        { return e.err }
func (e *clusterError) Is(target error) bool { return target == ErrFatal }

// Hint says what to do.
func (e *clusterError) Hint() string { return e.hint }

// refused marks the errors of requests that no waiting mends as ErrFatal, with a hint, and leaves all others as they
// are: those are retried for ever. It is the one place that decides. A failed log-in is not among them, since kafka-go
// says so also of a broker that ends in the middle of one: reach decides that.
func refused(err error) error {
	var code kafka.Error
	if err == nil || errors.Is(err, ErrFatal) || !errors.As(err, &code) {
		return err
	}
	switch code {
	case kafka.TopicAuthorizationFailed:
		return refusal(err, "the line needs Read, Write and Describe on its topics (`imglish plan` lists them); Create, Alter and DescribeConfigs if kafka.create_topics is on")
	case kafka.GroupAuthorizationFailed:
		return refusal(err, "the line needs Read on the groups that begin with its name")
	case kafka.ClusterAuthorizationFailed:
		return refusal(err, "the line needs Create on the cluster, or topics that an administrator has made and kafka.create_topics: false")
	case kafka.InvalidTopic, kafka.PolicyViolation, kafka.InvalidConfiguration, kafka.UnsupportedVersion, kafka.SecurityDisabled:
		return refusal(err, "the cluster does not take this at all: ask its administrator")
	}
	return err
}
