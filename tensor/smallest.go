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
	nan := func(i int) int {
		if xs[i] != xs[i] {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Or(nan(i)-nan(j), cmp.Compare(xs[i], xs[j])) })
	ks := r.f(keep)
	clear(ks)
	for _, i := range order[:k] {
		ks[i] = 1
	}
}
