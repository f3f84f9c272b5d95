package tensor

import (
	"cmp"
	"fmt"
	"slices"
)

func CheckSmallest(keep, x Tensor, k int) (n int) {
	vector("Smallest", "x", x, Float, anySize)
	vector("Smallest", "keep", keep, Float, x.Len())
	if k < 0 || k > x.Len() {
		panic(fmt.Sprintf("tensor: Smallest: k is %d of %d", k, x.Len()))
	}
	return x.Len()
}

func (r *Reference[F]) Smallest(keep, x Tensor, k int) {
	n := CheckSmallest(keep, x, k)
	xs, order := r.f(x), make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		if nan := xs[i] != xs[i]; nan != (xs[j] != xs[j]) { // cmp.Compare has NaN first
			return map[bool]int{true: 1, false: -1}[nan]
		}
		return cmp.Compare(xs[i], xs[j])
	})
	ks := r.f(keep)
	clear(ks)
	for _, i := range order[:k] {
		ks[i] = 1
	}
}
