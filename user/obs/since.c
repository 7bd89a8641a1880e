// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "obs/since.h"

/* Since when the oldest of a device's sessions over links is as it is; 0: not known of any. */
static uint64_t oldest_of(const struct lab *lab, uint32_t device)
{
	uint64_t oldest = 0;

	vec_each(s, &lab->now->sessions) {
		uint64_t since = s->link == NO_INDEX ? 0 : lab->since[s->link];

		if ((s->a == device || s->b == device) && s->up && since && (!oldest || since < oldest))
			oldest = since;
	}
	return oldest;
}

/*
 * Sessions inside a VNet have no link, and nobody keeps their times. They come up with the gateway instance, as its
 * sessions over links do: both are there since the later one's oldest session is up.
 */
uint64_t session_since(const struct lab *lab, const struct session_view *s)
{
	uint64_t a, b;

	if (s->link != NO_INDEX)
		return lab->since[s->link];
	a = s->up ? oldest_of(lab, s->a) : 0;
	b = s->up ? oldest_of(lab, s->b) : 0;
	return a && b ? (a > b ? a : b) : 0;
}
