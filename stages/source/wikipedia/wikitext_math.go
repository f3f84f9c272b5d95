package wikipedia

import (
	"strings"
	"unicode/utf8"
)

// formula writes TeX the way people type formulas: Greek letters and signs as themselves, a fraction as a/b, powers
// with ^. A formula that holds anything else, such as a matrix, stays TeX, which says more than a gap would.
func formula(tex string) string {
	tex = strings.Join(strings.Fields(tex), " ")
	if len(tex) > longestFormula {
		return tex
	}
	p := texReader{s: tex}
	out, ok := p.group(0)
	if !ok || p.i < len(p.s) {
		return tex
	}
	out = strings.Join(strings.Fields(out), " ")
	return texSpaces.Replace(out)
}

// texSpaces takes back spaces that only stood to end a command.
var texSpaces = strings.NewReplacer("( ", "(", " )", ")", " ^", "^", " _", "_", " ,", ",")

// longestFormula is where reading a formula letter by letter ends to make sense, bytes.
const longestFormula = 400

type texReader struct {
	s string
	i int
}

// group reads until a closing brace or the end.
func (p *texReader) group(depth int) (string, bool) {
	if depth > 20 {
		return "", false
	}
	var b strings.Builder
	for p.i < len(p.s) && p.s[p.i] != '}' {
		piece, ok := p.atom(depth)
		if !ok {
			return "", false
		}
		b.WriteString(piece)
	}
	return b.String(), true
}

// argument reads {…}, a command, or one character.
func (p *texReader) argument(depth int) (string, bool) {
	for p.i < len(p.s) && p.s[p.i] == ' ' {
		p.i++
	}
	if p.i >= len(p.s) || p.s[p.i] == '}' {
		return "", false
	}
	s, ok := p.atom(depth)
	return strings.TrimSpace(s), ok
}

func (p *texReader) atom(depth int) (string, bool) {
	switch c := p.s[p.i]; c {
	case '{':
		p.i++
		s, ok := p.group(depth + 1)
		if !ok || p.i >= len(p.s) {
			return "", false
		}
		p.i++
		return s, true
	case '\\':
		return p.command(depth)
	case '^', '_':
		p.i++
		s, ok := p.argument(depth + 1)
		if !ok {
			return "", false
		}
		switch {
		case c == '^' && s == "°":
			return s, true
		case c == '^' && strings.Trim(s, "′") == "":
			return s, true
		}
		return string(c) + bracketed(s), true
	case '~':
		p.i++
		return " ", true
	case '&', '%', '#', '$':
		return "", false
	case '\'':
		p.i++
		return "′", true
	case '*', '=', '<', '>', '+':
		p.i++
		if c == '*' {
			return "*", true
		}
		return " " + string(c) + " ", true
	}
	n := 1
	for p.i+n < len(p.s) && p.s[p.i+n] >= 0x80 && p.s[p.i+n] < 0xc0 {
		n++
	}
	p.i += n
	return p.s[p.i-n : p.i], true
}

func (p *texReader) command(depth int) (string, bool) {
	p.i++
	from := p.i
	for p.i < len(p.s) && (p.s[p.i] >= 'a' && p.s[p.i] <= 'z' || p.s[p.i] >= 'A' && p.s[p.i] <= 'Z') {
		p.i++
	}
	name := p.s[from:p.i]
	if name == "" {
		if p.i >= len(p.s) {
			return "", false
		}
		p.i++
		switch p.s[p.i-1] {
		case ',', ';', ':', ' ', '!', '>':
			return " ", true
		case '{', '}', '%', '$', '#', '&', '_':
			return p.s[p.i-1 : p.i], true
		case '|':
			return "‖", true
		}
		return "", false
	}
	if p.i < len(p.s) && p.s[p.i] == ' ' {
		p.i++
	}
	if s, ok := texSigns[name]; ok {
		return s, true
	}
	switch name {
	case "frac", "dfrac", "tfrac", "cfrac":
		a, ok1 := p.argument(depth + 1)
		b, ok2 := p.argument(depth + 1)
		return bracketed(a) + "/" + factor(b), ok1 && ok2
	case "sqrt":
		if p.i < len(p.s) && p.s[p.i] == '[' {
			return "", false
		}
		a, ok := p.argument(depth + 1)
		return "√" + factor(a), ok
	case "bar", "overline", "hat", "widehat", "tilde", "widetilde", "vec", "dot", "ddot":
		a, ok := p.argument(depth + 1)
		if utf8.RuneCountInString(a) == 1 {
			a += texAccents[name]
		}
		return a, ok
	case "text", "mathrm", "rm", "mathbf", "bf", "mathit", "it", "mathsf", "mathcal", "mathbb", "mathfrak", "boldsymbol",
		"operatorname", "textrm", "textbf", "textit", "mbox", "hbox", "underline", "displaystyle", "textstyle", "scriptstyle", "left", "right", "big", "Big",
		"bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "mathop", "ce", "scriptscriptstyle":
		if p.i < len(p.s) && p.s[p.i] == '.' && (name == "left" || name == "right") {
			p.i++
		}
		return "", true // what follows stands for itself
	}
	return "", false
}

// bracketed puts brackets around what is more than one thing.
func bracketed(s string) string {
	if strings.ContainsAny(s, " ,+-−=/*·×<>") && !(strings.HasPrefix(s, "-") && !strings.ContainsAny(s[1:], " ,+-−=/*·×<>")) {
		return "(" + strings.TrimSpace(s) + ")"
	}
	return s
}

// factor puts brackets around what is more than one letter or number, where they would not hold together.
func factor(s string) string {
	if utf8.RuneCountInString(s) > 1 && strings.Trim(s, "0123456789.") != "" {
		return "(" + strings.TrimSpace(s) + ")"
	}
	return s
}

// texAccents are combining characters, which stand behind their letter.
var texAccents = map[string]string{
	"bar": "\u0304", "overline": "\u0304", "hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303", "widetilde": "\u0303",
	"vec": "\u20d7", "dot": "\u0307", "ddot": "\u0308",
}

// texSigns are commands that stand for a character or a word.
var texSigns = func() map[string]string {
	out := map[string]string{}
	fields := strings.Fields(`alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ
		lambda λ mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ upsilon υ phi φ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ
		Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω infty ∞ partial ∂ nabla ∇ hbar ħ ell ℓ Re ℜ Im ℑ aleph ℵ
		emptyset ∅ varnothing ∅ prime ′ circ ° degree ° angle ∠ sum ∑ prod ∏ int ∫ oint ∮ iint ∬ ldots ... dots ... dotsc ... dotsb ⋯ cdots ⋯
		forall ∀ exists ∃ neg ¬ lnot ¬ N ℕ Z ℤ Q ℚ R ℝ C ℂ reals ℝ dagger † ddagger ‡ langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋
		lceil ⌈ rceil ⌉ lbrace { rbrace } vert | Vert ‖ mid | colon : vdots ⋮ top ⊤ bot ⊥ square □ star ⋆ bullet • imath ı
		jmath ȷ euro €`)
	for i := 0; i+1 < len(fields); i += 2 {
		out[fields[i]] = fields[i+1]
	}
	spaced := strings.Fields(`times × cdot · div ÷ pm ± mp ∓ leq ≤ le ≤ geq ≥ ge ≥ neq ≠ ne ≠ approx ≈ equiv ≡ sim ∼ thicksim ∼ simeq ≃ cong ≅
		propto ∝ ll ≪ gg ≫ in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃ supseteq ⊇ cup ∪ cap ∩ setminus ∖ wedge ∧ land ∧
		vee ∨ lor ∨ oplus ⊕ otimes ⊗ to → rightarrow → leftarrow ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔
		implies ⇒ iff ⇔ mapsto ↦ longrightarrow → perp ⊥ parallel ∥ ast ∗ lt < gt > uparrow ↑ downarrow ↓ rightleftharpoons ⇌`)
	for i := 0; i+1 < len(spaced); i += 2 {
		out[spaced[i]] = " " + spaced[i+1] + " "
	}
	for _, word := range strings.Fields("sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp lim max min sup inf det dim ker gcd arg deg mod") {
		out[word] = word + " "
	}
	out["quad"], out["qquad"], out["nolimits"], out["limits"] = " ", " ", "", ""
	return out
}()
