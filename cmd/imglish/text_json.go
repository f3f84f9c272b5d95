package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// byteOrderMark stands at the beginning of files that some programs write.
var byteOrderMark = []byte("\ufeff")

// textOf is the text that a line holds. An empty line is an empty text, as JSON too: files end in one now and then, and
// so the lines of the output stay those of the input.
func textOf(line []byte, asJSON bool) (string, error) {
	if !asJSON {
		return string(line), nil
	}
	line = bytes.TrimPrefix(line, byteOrderMark)
	if len(bytes.TrimSpace(line)) == 0 {
		return "", nil
	}
	var v struct {
		Text *string `json:"text"`
		B64  []byte  `json:"b64"`
	}
	if err := unmarshal(line, &v); err != nil {
		return "", err
	}
	switch {
	case v.B64 != nil:
		return string(v.B64), nil
	case v.Text != nil:
		return *v.Text, nil
	}
	return "", neither(line, "text", "b64")
}

// neither says what a line has that has neither of two fields.
func neither(line []byte, a, b string) error {
	var all map[string]any
	json.Unmarshal(line, &all)
	for _, field := range []string{a, b} {
		if _, ok := all[field]; ok {
			return fmt.Errorf("%q is null", field)
		}
	}
	err := fmt.Sprintf("neither %q nor %q in it", a, b)
	if fields := slices.Sorted(maps.Keys(all)); len(fields) > 0 {
		err += fmt.Sprintf(", but %.40q", fields[:min(5, len(fields))])
	}
	return errors.New(err)
}

// unmarshal is json.Unmarshal with errors in the terms of who wrote the line, not of our types.
func unmarshal(line []byte, v any) error {
	err := json.Unmarshal(line, v)
	var other *json.UnmarshalTypeError
	var bad *json.SyntaxError
	switch {
	case errors.As(err, &other):
		where := ""
		if other.Field != "" {
			where = fmt.Sprintf("%q: ", other.Field)
		}
		return fmt.Errorf("%s%s stands where %s must", where, jsonValue(other.Value), jsonKind(other.Type))
	case errors.As(err, &bad):
		return fmt.Errorf("not JSON: %w", err)
	}
	return err
}

// jsonValue names what encoding/json has found; it names some numbers itself: "number 1.5".
func jsonValue(found string) string {
	switch found {
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "string", "number":
		return "a " + found
	case "bool":
		return "true or false"
	}
	return found
}

// jsonKind names what a type of ours is in JSON.
func jsonKind(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[string](), reflect.TypeFor[[]byte]():
		return "a string"
	case reflect.TypeFor[int32]():
		return "a whole number of 32 bits"
	}
	if t.Kind() == reflect.Slice {
		return "a list"
	}
	return "an object"
}
