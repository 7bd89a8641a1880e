// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Statistics against values worked out by hand and by other programs. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "lib/stats.h"

#define N(array)      (sizeof(array) / sizeof((array)[0]))
#define is_near(a, b) cr_assert(fabs((a) - (b)) < 1e-9, "%.12g is not %.12g", (double)(a), (double)(b))

/* The connect times, in ms, that the published FastPath test printed, warm-ups left out. */
static const double off[] = {4.25, 3.81, 4.52, 4.74, 4.97, 4.16, 3.85, 13.99, 5.12, 4.77, 8.03, 4.16};
static const double on[] = {6.72, 2.34, 2.45, 2.62, 3.54, 4.61, 2.98, 11.10,
			    7.13, 2.95, 3.48, 3.82, 2.92, 2.67, 3.73, 2.11};

static struct stats stats_sorted(const double *values, size_t n, double *sorted)
{
	memcpy(sorted, values, n * sizeof(*values));
	stats_sort(sorted, n);
	return stats_of(sorted, n);
}

Test(stats, published_runs)
{
	double sorted[16];
	struct stats s = stats_sorted(off, N(off), sorted);

	is_near(s.least, 3.81);
	is_near(s.most, 13.99);
	is_near(s.median, 4.63); /* azure.md 5 */
	is_near(s.mean, 66.37 / 12);
	is_near(s.p99, 8.03 + 0.89 * (13.99 - 8.03)); /* place 10.89 of 0 to 11 */
	s = stats_sorted(on, N(on), sorted);
	is_near(s.least, 2.11);
	is_near(s.median, 3.23);
	cr_assert_eq(s.n, 16);
}

static const struct {
	double values[5];
	size_t n;
	double q, is;
} quantiles[] = {
	{{}, 0, 0.5, 0},
	{{7}, 1, 0, 7},
	{{7}, 1, 0.99, 7},
	{{7}, 1, 1, 7},
	{{1, 2}, 2, 0.5, 1.5},
	{{1, 2, 3, 4, 5}, 5, 0, 1},
	{{1, 2, 3, 4, 5}, 5, 0.5, 3},
	{{1, 2, 3, 4, 5}, 5, 0.1, 1.4},
	{{1, 2, 3, 4, 5}, 5, 0.99, 4.96},
	{{1, 2, 3, 4, 5}, 5, 1, 5},
	{{2, 2, 2, 9}, 4, 0.75, 3.75},
};

Test(stats, quantiles)
{
	for (size_t i = 0; i < N(quantiles); i++)
		is_near(stats_quantile(quantiles[i].values, quantiles[i].n, quantiles[i].q), quantiles[i].is);
}

Test(stats, nothing_measured)
{
	struct stats s = stats_of(NULL, 0);
	struct stats_interval i = stats_median_difference(NULL, 0, on, N(on), 0.95, 100, 1);

	cr_assert(s.n == 0 && s.least == 0 && s.most == 0 && s.mean == 0 && s.median == 0 && s.p99 == 0);
	cr_assert(i.low == 0 && i.high == 0);
	stats_sort(NULL, 0);
}

Test(stats, interval_is_the_same_for_the_same_seed)
{
	double a[N(off)], b[N(on)];
	struct stats_interval one, again, other;

	stats_sorted(off, N(off), a);
	stats_sorted(on, N(on), b);
	one = stats_median_difference(a, N(off), b, N(on), 0.95, 2000, 1);
	again = stats_median_difference(a, N(off), b, N(on), 0.95, 2000, 1);
	other = stats_median_difference(a, N(off), b, N(on), 0.95, 2000, 2);
	cr_assert(one.low == again.low && one.high == again.high);
	/* Another program, with another generator and 200,000 rounds, gave 0.43 to 2.11. */
	cr_assert(fabs(one.low - 0.43) < 0.15 && fabs(one.high - 2.11) < 0.15, "%g to %g", one.low, one.high);
	cr_assert(fabs(other.low - one.low) < 0.15 && fabs(other.high - one.high) < 0.15);
}

Test(stats, interval_of_what_does_not_vary)
{
	const double a[] = {5, 5, 5}, b[] = {3, 3, 3, 3};
	struct stats_interval i = stats_median_difference(a, 3, b, 4, 0.95, 500, 0);

	cr_assert(i.low == 2 && i.high == 2);
}

/* Of a hundred pairs of samples from one distribution, the interval misses 0 in about five. */
Test(stats, interval_covers)
{
	double a[60], b[60];
	unsigned missed = 0;

	srand48(7);
	for (int round = 0; round < 300; round++) {
		struct stats_interval i;

		for (int k = 0; k < 60; k++) {
			a[k] = -log(1 - drand48());
			b[k] = -log(1 - drand48());
		}
		stats_sort(a, 60);
		stats_sort(b, 60);
		i = stats_median_difference(a, 60, b, 60, 0.95, 300, round);
		missed += i.low > 0 || i.high < 0;
	}
	cr_assert(missed >= 3 && missed <= 30, "missed %u of 300", missed);
}

static const struct {
	double low, high;
	unsigned most;
	double first, width;
	unsigned n;
} bins[] = {
	{3.1, 4.7, 12, 3.0, 0.2, 9},  {0.03, 0.11, 12, 0.03, 0.01, 9},
	{2, 2, 12, 2, 1, 1},	      {100, 1100, 12, 100, 100, 11},
	{0, 0, 12, 0, 1, 1},	      {0.9, 10.1, 12, 0, 1, 11},
	{4.0, 4.001, 2, 4, 0.001, 2},
};

Test(stats, bins)
{
	for (size_t i = 0; i < N(bins); i++) {
		struct stats_bins b = stats_bins_for(bins[i].low, bins[i].high, bins[i].most);

		cr_expect(fabs(b.first - bins[i].first) < 1e-9 && fabs(b.width - bins[i].width) < 1e-9 &&
				  b.n == bins[i].n,
			  "%g to %g: %u bins of %g from %g", bins[i].low, bins[i].high, b.n, b.width, b.first);
	}
}

/* However the ends lie, no bin is missing at the top and there are never too many. */
Test(stats, bins_reach)
{
	srand48(3);
	for (int i = 0; i < 20000; i++) {
		double low = pow(10, drand48() * 6 - 3), high = low + pow(10, drand48() * 6 - 4);
		unsigned most = 2 + lrand48() % (STATS_MOST_BINS - 1);
		struct stats_bins b = stats_bins_for(low, high, most);

		cr_assert(b.n >= 1 && b.n <= most && b.first <= low * (1 + 1e-9) &&
				  b.first + b.n * b.width >= high * (1 - 1e-9),
			  "%g to %g in %u: %u of %g from %g", low, high, most, b.n, b.width, b.first);
	}
}

Test(stats, counts)
{
	const double values[] = {0.5, 1.0, 1.99, 2.0, 7.0, 100, -3};
	const struct stats_bins b = {.first = 1, .width = 1, .n = 4};
	size_t counts[4];

	stats_count(&b, values, N(values), counts);
	cr_assert(counts[0] == 4 && counts[1] == 1 && counts[2] == 0 && counts[3] == 2);
}
