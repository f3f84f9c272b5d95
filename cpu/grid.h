//go:build cgo

// How a product is cut into parts, the units of a pool's work.

#ifndef IMGLISH_GRID_H
#define IMGLISH_GRID_H

#include "pool.h"

// A part is tall rows by broad panels.
struct grid { int64_t rows, panels, tall, broad; };

static inline int64_t grid_high(const struct grid *g) { return (g->rows + g->tall - 1) / g->tall; }

static inline int64_t grid_parts(const struct grid *g) { return grid_high(g) * ((g->panels + g->broad - 1) / g->broad); }

struct part { int64_t row, row_end, panel, panel_end; };

// Parts of the same panels follow each other.
static inline struct part grid_part(const struct grid *g, int64_t u)
{
	int64_t row = u % grid_high(g) * g->tall, panel = u / grid_high(g) * g->broad;
	return (struct part){row, min64(row + g->tall, g->rows), panel, min64(panel + g->broad, g->panels)};
}

#endif
