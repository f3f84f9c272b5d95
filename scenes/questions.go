package scenes

// Question asks about a scene; the answer is a word or a number word.
type Question struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

// Questions asks what can be told from the picture alone: colours, shapes, numbers and places.
func (s Scene) Questions() []Question {
	q := []Question{{"what colour is the background?", Colours[s.Ground]}}
	first := s.Objects[0]
	name := Shapes[first.Shape]
	switch s.Kind {
	case Single:
		q = append(q,
			Question{"what shape is in the picture?", name},
			Question{"what colour is the " + name + "?", Colours[first.Colour]},
			Question{"is the " + name + " large or small?", first.sizeWord()})
	case Two:
		other := s.Objects[1]
		rel := relations[s.relation].words
		q = append(q,
			Question{"what colour is the " + name + "?", Colours[first.Colour]},
			Question{"what colour is the " + Shapes[other.Shape] + "?", Colours[other.Colour]},
			Question{"what is " + rel + " the " + Shapes[other.Shape] + "?", name},
			Question{"which shape is " + Colours[other.Colour] + "?", Shapes[other.Shape]})
	case Group:
		q = append(q,
			Question{"how many " + Plural(name) + " are there?", numberWords[len(s.Objects)]},
			Question{"what colour are the " + Plural(name) + "?", Colours[first.Colour]})
	}
	// Half of these are false, so that "yes" alone earns nothing.
	asked, answer := (first.Shape+1+int(s.phrase>>40)%(len(Shapes)-1))%len(Shapes), "no"
	for _, o := range s.Objects {
		if o.Shape == asked {
			answer = "yes" // the other object of two
		}
	}
	if s.phrase>>33&1 == 1 {
		asked, answer = first.Shape, "yes"
	}
	return append(q, Question{"is there a " + Shapes[asked] + "?", answer})
}
