package tensor

// Contrastive is the image-text contrastive loss (in BEiT-3's retrieval; CLIP's), composed of ops: with logits
// l = exp(scale[0])·v·uᵀ, loss[i] = factor/2·(−log softmax(l[i])[i] − log softmax(lᵀ[i])[i]). A factor of 1/n makes the sum
// of loss the mean of both directions. It overwrites dv and du and adds to dscale, the gradients of that sum.
//
//	v, u, dv, du: [n, D], rows of unit length, row i of v belongs to row i of u   scale, dscale: [1]   loss: [n]
func Contrastive(b Backend, loss, dv, du, dscale, v, u, scale Tensor, factor float64) {
	n, d := shape2("Contrastive", "v", v)
	matrix("Contrastive", "u", u, Float, n, d)
	mark := b.Mark()
	defer b.Release(mark)
	none := Tensor{}
	own, half := make([]int32, n), make([]float64, n)
	for i := range own {
		own[i], half[i] = int32(i), factor/2
	}
	targets, weights := b.Temp(I32, n), b.Temp(Float, n)
	b.UploadI32(targets, own)
	b.UploadF64(weights, half)

	scaled, dscaled, part := b.Temp(Float, n, d), b.Temp(Float, n, d), b.Temp(Float, n, d)
	l, back := b.Temp(Float, n, n), b.Temp(Float, n)
	b.ScaleExp(scaled, v, scale)
	b.Linear(l, none, scaled, u, none, Identity)
	b.CrossEntropy(loss, l, l, targets, weights, 0)
	b.Zero(du)
	b.LinearBackward(dscaled, du, none, l, none, scaled, u, Identity)

	b.Linear(l, none, u, scaled, none, Identity)
	b.CrossEntropy(back, l, l, targets, weights, 0)
	b.Add(loss, loss, back)
	b.LinearBackward(part, dscaled, none, l, none, u, scaled, Identity)
	b.Add(du, du, part)
	b.ScaleExpBackward(dv, dscale, dscaled, scaled, scale)
}
