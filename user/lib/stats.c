// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lib/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/vec.h"

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void stats_sort(double *values, size_t n)
{
	if (n)
		qsort(values, n, sizeof(*values), compare);
}

double stats_quantile(const double *sorted, size_t n, double q)
{
	double at = q * (n ? n - 1 : 0);
	size_t below = (size_t)at;

	if (!n)
		return 0;
	if (below + 1 >= n)
		return sorted[n - 1];
	return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

struct stats stats_of(const double *sorted, size_t n)
{
	struct stats s = {.n = n, .median = stats_quantile(sorted, n, 0.5), .p99 = stats_quantile(sorted, n, 0.99)};

	if (!n)
		return s;
	s.least = sorted[0];
	s.most = sorted[n - 1];
	for (size_t i = 0; i < n; i++)
		s.mean += sorted[i] / n;
	return s;
}

/* --- Bootstrap -----------------------------------------------------------------------------------------------------
 */

/* A generator that every seed starts well, 0 included: a counter, mixed (the finalizer of MurmurHash3). */
static uint64_t draw(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 33) * 0xff51afd7ed558ccd;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53;
	return x ^ x >> 33;
}

/* The value at that place of the sample, whose values are drawn[i] times sorted[i]. */
static double value_at(const double *sorted, const unsigned *drawn, size_t place)
{
	size_t i = 0;

	for (size_t seen = drawn[0]; seen <= place; seen += drawn[i])
		i++;
	return sorted[i];
}

/* Of n values drawn with replacement: the median. Counting them spares sorting them. */
static double drawn_median(const double *sorted, size_t n, unsigned *drawn, uint64_t *state)
{
	memset(drawn, 0, n * sizeof(*drawn));
	for (size_t i = 0; i < n; i++)
		drawn[(draw(state) >> 32) * n >> 32]++;
	return (value_at(sorted, drawn, (n - 1) / 2) + value_at(sorted, drawn, n / 2)) / 2;
}

struct stats_interval stats_median_difference(const double *a, size_t n_a, const double *b, size_t n_b, double share,
					      unsigned rounds, uint64_t seed)
{
	struct stats_interval out = {};
	unsigned *drawn;
	double *differences;

	if (!n_a || !n_b || !rounds)
		return out;
	drawn = xcalloc(n_a > n_b ? n_a : n_b, sizeof(*drawn));
	differences = xcalloc(rounds, sizeof(*differences));
	for (unsigned i = 0; i < rounds; i++) {
		differences[i] = drawn_median(a, n_a, drawn, &seed);
		differences[i] -= drawn_median(b, n_b, drawn, &seed);
	}
	stats_sort(differences, rounds);
	out.low = stats_quantile(differences, rounds, (1 - share) / 2);
	out.high = stats_quantile(differences, rounds, (1 + share) / 2);
	free(drawn);
	free(differences);
	return out;
}

/* --- Histograms ----------------------------------------------------------------------------------------------------
 */

static double next_width(double width)
{
	double power = pow(10, floor(log10(width) + 1e-9)), digit = width / power;

	return power * (digit < 1.5 ? 2 : digit < 3.5 ? 5 : 10);
}

struct stats_bins stats_bins_for(double low, double high, unsigned most)
{
	double span = high > low ? high - low : 0;
	/* Ten times too fine to begin with, so that the first of 1, 2, 5 that fits is found. */
	double width = span > 0 ? pow(10, floor(log10(span / most)) - 1) : 1;
	struct stats_bins bins;

	do {
		bins.width = width;
		bins.first = floor(low / width) * width;
		bins.n = (unsigned)floor((high - bins.first) / width) + 1;
		width = next_width(width);
	} while (bins.n > most);
	return bins;
}

void stats_count(const struct stats_bins *bins, const double *values, size_t n, size_t *counts)
{
	memset(counts, 0, bins->n * sizeof(*counts));
	for (size_t i = 0; i < n; i++) {
		double at = floor((values[i] - bins->first) / bins->width);

		counts[at < 0 ? 0 : at >= bins->n ? bins->n - 1 : (unsigned)at]++;
	}
}
