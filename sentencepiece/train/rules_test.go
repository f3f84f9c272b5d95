package train

import "testing"

func BenchmarkRules(b *testing.B) {
	for b.Loop() {
		r := nfkc()
		b.ReportMetric(float64(len(r)), "rules")
	}
}
func BenchmarkCompile(b *testing.B) {
	r, _ := RulesOf("nmt_nfkc")
	for b.Loop() {
		r.Compile()
	}
}
