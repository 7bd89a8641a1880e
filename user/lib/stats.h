/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a list of measured values comes to. Plain numbers of whatever unit the caller has. */
#ifndef ERX_LIB_STATS_H
#define ERX_LIB_STATS_H

#include <stddef.h>
#include <stdint.h>

/* In place, smallest first: all that follows wants its values so. */
void stats_sort(double *values, size_t n);

/*
 * The value below which a share q (0 to 1) lies; between two of them in proportion, as R and NumPy do by default
 * (Hyndman and Fan, type 7). 0 of no values.
 */
double stats_quantile(const double *sorted, size_t n, double q);

struct stats {
	size_t n;
	double least, most, mean, median, p99; /* 0 of no values */
};
struct stats stats_of(const double *sorted, size_t n);

/*
 * How sure the difference between two medians (of a less that of b) is: a bootstrap interval by percentiles. Both lists
 * are drawn from with replacement, `rounds` times, by a generator that starts from `seed`: the same values and the same
 * seed give the same interval. 0 to 0 when a list is empty.
 */
struct stats_interval {
	double low, high;
};
struct stats_interval stats_median_difference(const double *a, size_t n_a, const double *b, size_t n_b, double share,
					      unsigned rounds, uint64_t seed);

/* --- Histograms ----------------------------------------------------------------------------------------------------
 */

#define STATS_MOST_BINS 64

/* Bins of one width (1, 2 or 5 times a power of ten); the last also holds all that is above. */
struct stats_bins {
	double first, width;
	unsigned n;
};
/* At most `most` (2 to STATS_MOST_BINS) bins that begin at or below low and reach high. */
struct stats_bins stats_bins_for(double low, double high, unsigned most);
/* How many values are in each bin; counts has room for bins->n. Values below the first bin count there. */
void stats_count(const struct stats_bins *bins, const double *values, size_t n, size_t *counts);

#endif
