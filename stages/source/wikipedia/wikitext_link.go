package wikipedia

import "strings"

// bar finds the first | of src[from:to] that lies in no pair of brackets, or returns -1.
func (w *inline) bar(from, to int) int {
	for i := from; i < to; {
		n := strings.IndexAny(w.src[i:to], "|{[<")
		if n < 0 {
			return -1
		}
		i += n
		if w.src[i] == '|' {
			return i
		}
		i = w.over(i, to)
	}
	return -1
}

// over steps over the pair that starts at i, or over one byte.
func (w *inline) over(i, to int) int {
	if k := w.match[i]; k > 0 && int(w.spans[k-1].end) <= to {
		return int(w.spans[k-1].end)
	} else if k < 0 && int(w.tags[-k-1].to) <= to {
		return int(w.tags[-k-1].to)
	}
	return i + 1
}

// link writes an internal link: its label, or the page's name. Pictures, categories, and links to the same page in
// other languages are left out.
func (w *inline) link(from, to, depth int) {
	end := to
	label := -1
	if i := w.bar(from, to); i >= 0 {
		end, label = i, i+1
	}
	target := strings.TrimSpace(w.src[from:end])
	if strings.ContainsRune(target, '\n') { // MediaWiki takes such brackets for text
		w.emit(from, to, depth)
		return
	}
	shown := strings.HasPrefix(target, ":")
	target = strings.TrimPrefix(target, ":")
	if prefix, _, ok := strings.Cut(target, ":"); ok && !shown {
		prefix = strings.TrimSpace(prefix)
		if w.c.hidden[namespaceName(prefix)] || (label < 0 && wikiLanguages[prefix]) {
			w.leaveOut()
			return
		}
	}
	switch {
	case label >= 0 && strings.TrimSpace(w.src[label:to]) != "":
		w.emit(label, to, depth)
	case label >= 0: // the "pipe trick", which MediaWiki resolves when a page is saved
		w.write(bareName(target))
	default:
		// The name may hold templates, and entities.
		name := w.rendered(from, to, depth)
		w.write(strings.TrimPrefix(strings.TrimPrefix(strings.ReplaceAll(name, "_", " "), ":"), "#"))
	}
}

// bareName is a page's name without namespace, disambiguation in brackets, or what follows a comma.
func bareName(s string) string {
	if _, rest, ok := strings.Cut(s, ":"); ok {
		s = rest
	}
	if i := strings.LastIndex(s, " ("); i > 0 && strings.HasSuffix(s, ")") {
		return s[:i]
	}
	if i := strings.Index(s, ", "); i > 0 {
		return s[:i]
	}
	return s
}

// external writes an external link: its label. One without a label shows as a number in MediaWiki, and is left out.
func (w *inline) external(from, to, depth int) {
	n := strings.IndexAny(w.src[from:to], " \n")
	if n < 0 || strings.TrimSpace(w.src[from+n:to]) == "" {
		w.leaveOut()
		return
	}
	w.emit(from+n+1, to, depth)
}

// wikiLanguages are the codes of Wikipedia's larger editions, by which old dumps link to the same page there.
var wikiLanguages = func() map[string]bool {
	out := map[string]bool{}
	for _, code := range strings.Fields(`af als am an ang ar arz as ast av ay az azb ba bar be be-tarask be-x-old bg bh bn bo
		bpy br bs bug ca cdo ce ceb ckb co crh cs csb cv cy da de diq dsb dv el eml en eo es et eu ext fa fi fo fr frp frr fur
		fy ga gan gd gl glk gn gu gv ha hak haw he hi hif hr hsb ht hu hy ia id ie ig ilo io is it iu ja jbo jv ka kab kk kl km
		kn ko krc ks ku kv kw ky la lad lb lbe lez lg li lij lmo ln lo lt ltg lv mai map-bms mg mhr mi min mk ml mn mr mrj ms
		mt mwl my myv mzn na nah nap nds nds-nl ne new nl nn no nov nrm nso nv oc om or os pa pag pam pap pcd pdc pfl pi pl pms
		pnb pnt ps pt qu rm rmy ro roa-rup roa-tara ru rue rw sa sah sc scn sco sd se sh si simple sk sl sm sn so sq sr srn ss
		st stq su sv sw szl ta te tet tg th ti tk tl tn to tpi tr ts tt tum tw ty udm ug uk ur uz ve vec vep vi vls vo wa war
		wo wuu xal xh xmf yi yo za zea zh zh-classical zh-min-nan zh-yue zu`) {
		out[code] = true
	}
	return out
}()
