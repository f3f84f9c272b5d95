package pipeline

import (
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Section is a part of a graph file that another package reads. It remembers where it stands in the file, so that an
// error can name the place. The zero Section is an empty one.
type Section struct {
	Name string // key of the section, for messages

	file string
	node ast.Node
	also []string // keys that were taken out before and are known nevertheless
}

// ParseSection reads a YAML text as one section: the settings of one package in a file of their own.
func ParseSection(file string, data []byte) (Section, error) { return parseYAML(file, data) }

// Empty says whether the file gives the section no settings.
func (s Section) Empty() bool {
	if s.node == nil {
		return true
	}
	_, null := s.node.(*ast.NullNode)
	return null
}

// Decode reads the section onto into, a pointer to a struct that holds the defaults: keys that the file does not name
// keep them, and a section that is left empty changes nothing. An unknown or repeated key is an error that names the
// line, the column and the nearest known key.
func (s Section) Decode(into any) error {
	if s.Empty() {
		return nil
	}
	if err := s.checkKeys(s.node, reflect.TypeOf(into)); err != nil {
		return err
	}
	if err := yaml.NodeToValue(s.node, into, yaml.Strict()); err != nil {
		return s.wrap(err)
	}
	return nil
}

func parseYAML(file string, data []byte) (Section, error) {
	s := Section{Name: file, file: file}
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return s, s.wrap(err)
	}
	for _, doc := range tree.Docs {
		if doc.Body == nil {
			continue
		}
		if s.node != nil {
			return s, s.at(doc.Body.GetToken(), "a second document: one is read")
		}
		s.node = doc.Body
	}
	if _, isMap := s.mapping(); !isMap && !s.Empty() {
		return s, s.errorf("want a mapping, keys with values such as `line: demo`")
	}
	return s, nil
}

type pair struct {
	key   string
	token *token.Token
	value ast.Node
}

func (s Section) mapping() ([]*ast.MappingValueNode, bool) {
	switch n := s.node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

func (s Section) pairs() []pair {
	values, _ := s.mapping()
	out := make([]pair, 0, len(values))
	for _, v := range values {
		out = append(out, pair{keyText(v.Key), v.Key.GetToken(), v.Value})
	}
	return out
}

func keyText(k ast.MapKeyNode) string {
	if t := k.GetToken(); t != nil {
		return t.Value
	}
	return k.String()
}

func (s Section) child(p pair) Section {
	return Section{Name: p.key, file: s.file, node: p.value}
}

// split takes some keys out of a section: the runner's settings stand among the stage's own.
func (s Section) split(keys []string) (taken, rest Section) {
	values, isMap := s.mapping()
	if !isMap {
		return Section{Name: s.Name, file: s.file}, s
	}
	a, b := &ast.MappingNode{BaseNode: &ast.BaseNode{}}, &ast.MappingNode{BaseNode: &ast.BaseNode{}}
	a.Start, b.Start = s.node.GetToken(), s.node.GetToken()
	for _, v := range values {
		if contains(keys, keyText(v.Key)) {
			a.Values = append(a.Values, v)
		} else {
			b.Values = append(b.Values, v)
		}
	}
	taken = Section{Name: s.Name, file: s.file, node: a}
	rest = Section{Name: s.Name, file: s.file, node: b, also: keys}
	return taken, rest
}

// checkKeys compares the keys of a mapping, and of the mappings inside, with the fields of a struct.
func (s Section) checkKeys(node ast.Node, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if anchor, ok := node.(*ast.AnchorNode); ok {
		node = anchor.Value
	}
	if seq, ok := node.(*ast.SequenceNode); ok && t.Kind() == reflect.Slice {
		for _, v := range seq.Values {
			if err := s.checkKeys(v, t.Elem()); err != nil {
				return err
			}
		}
		return nil
	}
	if t.Kind() == reflect.Array {
		return s.checkLength(node, t.Len())
	}
	if f, ok := node.(*ast.FloatNode); ok && isWhole(t.Kind()) && f.Value != math.Trunc(f.Value) {
		return s.at(f.GetToken(), "%s: want a whole number, not %v", s.Name, f.Value) // the library would cut it off
	}
	in := Section{Name: s.Name, file: s.file, node: node}
	if _, isMap := in.mapping(); !isMap || t.Kind() != reflect.Struct {
		return nil
	}
	fields := fieldTypes(t)
	known := append(names(fields), s.also...)
	seen := map[string]bool{}
	for _, p := range in.pairs() {
		ft, ok := fields[p.key]
		if !ok {
			return in.unknown(p, known)
		}
		if seen[p.key] {
			return in.at(p.token, "%q is given twice", p.key)
		}
		seen[p.key] = true
		inner := Section{Name: p.key, file: s.file}
		if err := inner.checkKeys(p.value, ft); err != nil {
			return err
		}
	}
	return nil
}

func isWhole(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Uint64 }

// checkLength refuses a list of another length than its setting has: the library would fill it up with zeros, or panic.
func (s Section) checkLength(node ast.Node, want int) error {
	switch n := node.(type) {
	case *ast.SequenceNode:
		if len(n.Values) != want {
			return s.at(n.GetToken(), "%s: want %d values, not %d", s.Name, want, len(n.Values))
		}
	case *ast.AliasNode:
		return s.at(n.GetToken(), "%s: want %d values, written out: an alias does not show how many it has", s.Name, want)
	}
	return nil
}

// fieldTypes lists the YAML names of a struct's fields, inlined ones included.
func fieldTypes(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || tag == "-" {
			continue
		}
		if strings.Contains(options, "inline") {
			ft := f.Type
			for ft.Kind() == reflect.Pointer {
				ft = ft.Elem()
			}
			for k, v := range fieldTypes(ft) {
				out[k] = v
			}
			continue
		}
		if tag == "" {
			tag = strings.ToLower(f.Name)
		}
		out[tag] = f.Type
	}
	return out
}

// PlaceError is an error at a place of a graph file.
type PlaceError struct {
	File         string
	Line, Column int // from 1; 0 if unknown
	Text         string
	Nearest      string // the nearest known key, if the error is about an unknown one
}

func (e *PlaceError) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
	}
	return where + ": " + e.Text
}

// Hint proposes the nearest known key.
func (e *PlaceError) Hint() string {
	if e.Nearest == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", e.Nearest)
}

func (s Section) at(t *token.Token, format string, args ...any) *PlaceError {
	e := &PlaceError{File: s.file, Text: fmt.Sprintf(format, args...)}
	if t != nil && t.Position != nil {
		e.Line, e.Column = t.Position.Line, t.Position.Column
	}
	return e
}

// errorf is an error at the section's beginning.
func (s Section) errorf(format string, args ...any) error {
	var t *token.Token
	if s.node != nil {
		t = s.node.GetToken()
		if m, ok := s.node.(*ast.MappingNode); ok && len(m.Values) > 0 {
			t = m.Values[0].Key.GetToken()
		}
	}
	return s.at(t, format, args...)
}

func (s Section) unknown(p pair, known []string) error {
	near := nearest(p.key, known)
	e := s.at(p.token, "unknown key %q", p.key)
	if near != "" {
		e.Text += fmt.Sprintf(" (nearest known: %q)", near)
	}
	e.Nearest = near
	return e
}

// wrap gives an error of the YAML library its place in the file, on one line.
func (s Section) wrap(err error) error {
	var y yaml.Error
	if !errors.As(err, &y) {
		return fmt.Errorf("%s: %s: %w", s.file, s.Name, err)
	}
	return s.at(y.GetToken(), "%s", strings.Join(strings.Fields(y.GetMessage()), " "))
}

// readBounded reads a file that must not be longer than limit bytes.
func readBounded(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("longer than %d bytes", limit)
	}
	return data, nil
}
