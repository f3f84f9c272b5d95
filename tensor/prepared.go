package tensor

import "fmt"

// Precision is how finely the products with a prepared matrix are computed.
type Precision uint8

const (
	// Exact rounds about as float32 does: operands keep their 24 bits, or 23 of the largest of some hundred values, and sums
	// are float32's or better.
	Exact Precision = iota
	// Fast may round the operands, no coarser than float16 with float32 sums would. Where it gains nothing, it is Exact.
	Fast
)

func (p Precision) String() string {
	switch p {
	case Exact:
		return "exact"
	case Fast:
		return "fast"
	}
	return fmt.Sprintf("Precision(%d)", uint8(p))
}

// MarshalText gives the name, for configs and flags.
func (p Precision) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a name as String prints it.
func (p *Precision) UnmarshalText(name []byte) error {
	switch string(name) {
	case "exact":
		*p = Exact
	case "fast":
		*p = Fast
	default:
		return fmt.Errorf("unknown precision %q, want exact or fast", name)
	}
	return nil
}

// Prepared is a matrix in the form that its backend multiplies by fastest. The zero Prepared is none.
type Prepared struct {
	Buf       Buffer // the backend's memory
	Out, In   int
	Precision Precision
}

// CheckPrepare returns the matrix's sizes.
func CheckPrepare(w Tensor, p Precision) (out, in int) {
	out, in = shape2("Prepare", "w", w)
	matrix("Prepare", "w", w, Float, out, in)
	if p > Fast {
		panic(fmt.Sprintf("tensor: Prepare: precision %d", p))
	}
	return out, in
}

// CheckProduct returns the number of rows.
func CheckProduct(y, x Tensor, w Prepared, b Tensor, act Act, add bool) (n int) {
	if w.Buf == nil {
		panic("tensor: Product: the matrix is none")
	}
	n, _ = shape2("Product", "x", x)
	matrix("Product", "x", x, Float, n, w.In)
	matrix("Product", "y", y, Float, n, w.Out)
	optionalVector("Product", "b", b, Float, w.Out)
	checkAct(act)
	if add && act != Identity {
		panic(fmt.Sprintf("tensor: Product: add and activation %d", act))
	}
	return n
}

// Prepare keeps a copy: the reference has one form, and its own precision.
func (r *Reference[F]) Prepare(w Tensor, p Precision) Prepared {
	out, in := CheckPrepare(w, p)
	c := r.Alloc(Float, out, in)
	r.Copy(c, w)
	return Prepared{Buf: c, Out: out, In: in, Precision: p}
}

func (r *Reference[F]) FreePrepared(w Prepared) { r.Free(w.Buf.(Tensor)) }

func (r *Reference[F]) Product(y, x Tensor, w Prepared, b Tensor, act Act, add bool) {
	n := CheckProduct(y, x, w, b, act, add)
	if !add {
		r.Linear(y, Tensor{}, x, w.Buf.(Tensor), b, act)
		return
	}
	mark := r.Mark()
	defer r.Release(mark)
	sum := r.Temp(Float, n, w.Out)
	r.Linear(sum, Tensor{}, x, w.Buf.(Tensor), b, act)
	r.Add(y, y, sum)
}
