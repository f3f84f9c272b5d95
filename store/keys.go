package store

import (
	"fmt"
	"strings"
)

// Limits of a key. 255 bytes is what file systems take for one name; S3 takes keys of 1024 bytes.
const (
	maxKeyBytes     = 1024
	maxElementBytes = 255
)

// ValidKey says what is wrong with a key, nil if nothing is: it is slash-separated and relative, has no empty, "." or
// ".." element, no element that starts with a dot (those are the store's own), no backslash and no control character.
// So a key that comes out of a foreign commit cannot lead out of the store.
func ValidKey(key string) error {
	if key == "" {
		return fmt.Errorf("key is empty")
	}
	if len(key) > maxKeyBytes {
		return fmt.Errorf("key of %d bytes is longer than %d", len(key), maxKeyBytes)
	}
	for _, element := range strings.Split(key, "/") {
		switch {
		case element == "":
			return fmt.Errorf("key %q has an empty element", key)
		case element[0] == '.':
			return fmt.Errorf("key %q has an element that starts with a dot", key)
		case len(element) > maxElementBytes:
			return fmt.Errorf("key %q has an element longer than %d bytes", key, maxElementBytes)
		}
	}
	for _, r := range key {
		if r < 0x20 || r == 0x7f || r == '\\' || r == '�' {
			return fmt.Errorf("key %q has a character that is not allowed", key)
		}
	}
	return nil
}
