package wikipedia

import (
	"strconv"
	"strings"
)

// A dump of articles does not hold what its templates mean. The common ones that carry a sentence's own words are
// known here, by the names of the English Wikipedia, many of which other languages share; all others are left out,
// which is right for boxes, references, notes and navigation.

// maxArgs bounds the arguments of a template that are looked at.
const maxArgs = 64

// arg is one argument of a template.
type arg struct {
	name     string // empty: positional
	from, to int
}

// args are a template's arguments.
type args struct {
	w     *inline
	list  []arg
	depth int
}

// template writes what is known of a template.
func (w *inline) template(from, to, depth int) {
	end := to
	if i := w.bar(from, to); i >= 0 {
		end = i
	}
	name := w.src[from:end]
	if len(name) > 64 || strings.ContainsAny(name, "{}[]<>") {
		w.leaveOut()
		return
	}
	name = namespaceName(name)
	if text, ok := symbols[name]; ok {
		w.write(text)
		return
	}
	if word, _, ok := strings.Cut(name, ":"); ok { // {{formatnum:1234}}
		switch word {
		case "formatnum", "lc", "uc", "lcfirst", "ucfirst":
			colon := strings.IndexByte(w.src[from:to], ':')
			w.write(w.rendered(from+colon+1, to, depth))
		default:
			w.leaveOut()
		}
		return
	}
	if name == "pagename" || name == "subpagename" || name == "basepagename" || name == "fullpagename" {
		w.write(w.title)
		return
	}
	f := templates[name]
	if f == nil && strings.HasPrefix(name, "lang-") {
		f = first
	}
	if f == nil {
		w.leaveOut()
		return
	}
	a := args{w: w, depth: depth}
	if end < to {
		a.list = w.arguments(end+1, to)
	}
	f(a)
}

// arguments splits src[from:to] at its own bars.
func (w *inline) arguments(from, to int) []arg {
	var out []arg
	for from <= to && len(out) < maxArgs {
		end := to
		if i := w.bar(from, to); i >= 0 {
			end = i
		}
		a := arg{from: from, to: end}
		if i := strings.IndexAny(w.src[from:end], "={[<"); i >= 0 && w.src[from+i] == '=' {
			a.name = strings.ToLower(strings.TrimSpace(w.src[from : from+i]))
			a.from = from + i + 1
		}
		out = append(out, a)
		from = end + 1
	}
	return out
}

// at finds an argument by name, or by number from 1 on.
func (a args) at(name string) (arg, bool) {
	n, _ := strconv.Atoi(name)
	for _, x := range a.list {
		if x.name == name {
			return x, true
		}
		if x.name == "" {
			if n--; n == 0 {
				return x, true
			}
		}
	}
	return arg{}, false
}

// text is an argument as text, or "".
func (a args) text(name string) string {
	x, ok := a.at(name)
	if !ok {
		return ""
	}
	return a.w.rendered(x.from, x.to, a.depth)
}

// positional are the arguments without a name, as text.
func (a args) positional() []string {
	var out []string
	for _, x := range a.list {
		if x.name == "" {
			out = append(out, a.w.rendered(x.from, x.to, a.depth))
		}
	}
	return out
}

// emit writes the first of the named arguments that is there, in place, and says whether there was one.
func (a args) emit(names ...string) bool {
	for _, n := range names {
		x, ok := a.at(n)
		if !ok {
			continue
		}
		if s := a.w.rendered(x.from, x.to, a.depth); s != "" {
			a.w.write(s)
			return true
		}
	}
	a.w.leaveOut()
	return false
}

// joined writes words with spaces between them, without the empty ones.
func (a args) joined(words ...string) {
	var kept []string
	for _, s := range words {
		if s != "" {
			kept = append(kept, s)
		}
	}
	if len(kept) == 0 {
		a.w.leaveOut()
		return
	}
	a.w.write(strings.Join(kept, " "))
}

func first(a args)  { a.emit("1") }
func second(a args) { a.emit("2", "1") }
func third(a args)  { a.emit("3", "2", "1") }

// block writes a quotation as a paragraph of its own.
func block(a args) {
	a.w.out = append(a.w.out, '\n', '\n')
	if a.emit("text", "quote", "content", "1") {
		a.w.out = append(a.w.out, '\n', '\n')
	}
}
