// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Expectations: all that the shipped files say holds in the model, in every
 * state that they name (that packets do the same is for tests/e2e/shipped.bats),
 * and each aspect of one about routes can fail, with words.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "fwd/walk.h"
#include "obs/expect.h"

/* Where what the model says differs from what the file expects of packets; the words are those of `verify`. */
static void packets_hold(const struct lab *lab, const struct expectation *e, const char *where)
{
	const struct packet_expectation *x = &e->packets;
	const struct host *from = fabric_host(lab->fabric, x->from), *to = fabric_host(lab->fabric, x->to);
	struct flow flow = {.src = from->addr, .dst = to->addr, .protocol = IPPROTO_ICMP};
	struct prediction p;
	char text[ADDR_STRLEN];

	predict(lab->image, from, to, &flow, &p);
	cr_expect(p.reachable == !x->unreachable, "%s:%u: %s > %s", where, e->at.line, x->from, x->to);
	cr_expect(!x->ttl || p.ping_ttl == x->ttl, "%s:%u: ttl=%u", where, e->at.line, p.ping_ttl);
	cr_expect(!x->has_trace || p.hops.n == x->hops.n, "%s:%u: %zu hops", where, e->at.line, p.hops.n);
	for (size_t i = 0; x->has_trace && i < p.hops.n && i < x->hops.n; i++) {
		const struct addr *hop = &p.hops.items[i].addr;
		const char *seen = addr_is_set(hop) ? addr_format(hop, text) : "*";

		cr_expect_str_eq(seen, x->hops.items[i], "%s:%u: hop %zu is %s", where, e->at.line, i + 1, seen);
	}
	prediction_free(&p);
}

static void routes_hold(const struct lab *lab, const struct expectation *x, const char *where)
{
	struct verdict v = expectation_check(lab->now, x);

	cr_expect(v.passed, "%s:%u: %s: %s", where, x->at.line, v.about, v.words);
	free(v.about);
	free(v.words);
	free(v.hops);
}

static void hold_all(struct lab *lab, const expectation_list *list, const char *where)
{
	struct error e = {};

	lab_follow(lab);
	cr_assert_eq(lab_compute(lab, &e), 0, "%s: %s", where, e.text);
	vec_each(x, list) {
		if (x->kind == EXPECT_PACKETS)
			packets_hold(lab, x, where);
		else
			routes_hold(lab, x, where);
	}
}

/* A silent fault is here one that has been noticed; after maintenance all is as before. */
static enum fault_kind kind_of(const struct planned_fault *f)
{
	static const enum fault_kind of_layer[] = {
		[LAYER_LINK] = FAULT_DOWN, [LAYER_ARP] = FAULT_ARP, [LAYER_BGP] = FAULT_BGP};

	return of_layer[f->layer];
}

static void hold_in_scenario(struct lab *lab, const struct scenario *s, const char *where)
{
	vec_each(f, &s->fail) {
		if (!f->maintenance)
			cr_assert_eq(lab_fail(lab, f->target, kind_of(f)), 0, "%s: %s", where, f->target);
	}
	hold_all(lab, &s->expect, where);
	lab_restore(lab, NULL);
}

static struct lab *lab_read(const char *file)
{
	struct diags diags = {};
	char *text = NULL;
	size_t room = 0;
	FILE *in = fopen(file, "re");
	struct lab *lab;
	ssize_t size;

	cr_assert(in, "cannot read %s; run the tests from the top directory", file);
	size = getdelim(&text, &room, '\0', in);
	cr_assert(size > 0);
	lab = lab_parse(text, size, &diags);
	diags_print(&diags, file, stderr);
	cr_assert(lab, "%s has an error", file);
	diags_free(&diags);
	fclose(in);
	free(text);
	return lab;
}

Test(expect, all_that_the_shipped_files_say_holds_in_the_model)
{
	glob_t files;
	size_t n = 0;

	cr_assert(glob("topologies/*.yaml", 0, NULL, &files) == 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct lab *lab = lab_read(files.gl_pathv[i]);

		hold_all(lab, &lab->topo->expects, files.gl_pathv[i]);
		vec_each(s, &lab->topo->scenarios)
			hold_in_scenario(lab, s, files.gl_pathv[i]);
		hold_all(lab, &lab->topo->expects, files.gl_pathv[i]);
		n += lab->topo->expects.n;
		lab_free(lab);
	}
	globfree(&files);
	cr_expect(n > 200, "%zu expectations", n);
}

/* The interoperability setup with this one expectation instead of its own. */
static void says(const char *expectation, bool passes, const char *words)
{
	FILE *in = fopen("topologies/interop.yaml", "re"), *out;
	char *text = NULL, *line = NULL;
	struct diags d = {};
	size_t size, room = 0;
	struct fabric *f;
	struct verdict v;
	struct topo *t;
	struct rib *rib;

	out = open_memstream(&text, &size);
	while (getline(&line, &room, in) > 0 && strncmp(line, "expect:", 7))
		fputs(line, out);
	fprintf(out, "expect: [%s]\n", expectation);
	fclose(out);
	fclose(in);
	t = topo_parse(text, size, &d);
	diags_print(&d, "interop", stderr);
	cr_assert(t, "%s", expectation);
	f = fabric_build(t);
	rib = rib_compute(f, NULL);
	v = expectation_check(rib, &t->expects.items[0]);
	cr_expect(v.passed == passes, "%s: %s", expectation, v.words);
	cr_expect_str_eq(v.words, words, "%s:\n%s\n%s", expectation, v.words, words);
	free(v.about);
	free(v.words);
	free(v.hops);
	rib_free(rib);
	fabric_free(f);
	topo_free(t);
	diags_free(&d);
	free(text);
	free(line);
}

#define CE_HUB "er1.primary 192.168.30.18 [12076] local preference 200; local-pref over hub-vpngw/0"

Test(expect, one_route)
{
	says("{at: loc1-ce1, prefix: 10.10.30.0/24}", true, CE_HUB);
	says("{at: loc1-ce1, prefix: 10.10.30.0/24, via: er1, over: hub-loc1-vpn, rule: local-pref, asPath: 12076, "
	     "localPreference: 200, weight: 0, nextHops: [192.168.30.18]}",
	     true, CE_HUB);
	says("{at: loc1-ce1, prefix: 10.10.30.0/24, via: hub-loc1-vpn}", false, CE_HUB "; expected via hub-loc1-vpn");
	says("{at: loc1-ce1, prefix: 10.10.30.0/24, via: [er1.primary, er1.secondary]}", false,
	     CE_HUB "; expected via er1.primary and er1.secondary");
	says("{at: loc1-ce1, prefix: 10.10.30.0/24, rule: as-path}", false, CE_HUB "; expected as-path");
	says("{at: loc1-ce1, prefix: 10.10.30.0/24, over: hub-branch-vpn}", false,
	     CE_HUB "; expected over hub-branch-vpn");
	says("{at: loc1-ce1, prefix: 10.10.30.0/24, asPath: 12076-65515}", false,
	     CE_HUB "; expected AS path 12076 65515");
	says("{at: loc1-ce1, prefix: 10.10.30.0/24, localPreference: 100}", false,
	     CE_HUB "; expected local preference 100");
	says("{at: loc1-ce1, prefix: 10.10.30.0/24, weight: 1}", false, CE_HUB "; expected weight 1");
	says("{at: loc1-ce1, prefix: 10.10.30.0/24, nextHops: [192.168.30.18, 192.168.30.22]}", false,
	     CE_HUB "; expected next hop 192.168.30.18 and 192.168.30.22");
	says("{at: loc1-ce1, prefix: 10.10.30.0/25}", false, "no route; expected one");
}

Test(expect, the_mark_of_a_circuits_table)
{
	static const char seen[] =
		"remote-ergw/0 10.17.30.44* [65515] and remote-ergw/1 10.17.30.45 [65515]; multipath";
	char words[200];

	says("{at: er1.primary, prefix: 10.17.30.0/26, nextHops: [10.17.30.45, 10.17.30.44*]}", true, seen);
	says("{at: er1.primary, prefix: 10.17.30.0/26, nextHops: [10.17.30.44, 10.17.30.45]}", true, seen);
	snprintf(words, sizeof(words), "%s; expected next hop 10.17.30.44 and 10.17.30.45*", seen);
	says("{at: er1.primary, prefix: 10.17.30.0/26, nextHops: [10.17.30.44, 10.17.30.45*]}", false, words);
	says("{at: er1.primary, prefix: 10.2.30.0/25, nextHops: [192.168.30.17]}", true,
	     "loc1-ce1 192.168.30.17 [65021]; only");
}

Test(expect, several_devices_of_one_resource)
{
	says("{at: hub-ergw, asn: 65515}", true, "AS 65515");
	says("{at: hub-ergw, asn: 65516}", false, "hub-ergw/0: AS 65515; expected AS 65516");
	says("{at: er1, prefixes: [10.10.30.0/24, 10.11.30.0/26, 10.17.30.0/26, 10.2.30.0/25]}", false,
	     "er1.secondary: sees 10.10.30.0/24, 10.11.30.0/26, 10.17.30.0/26; expected also 10.2.30.0/25");
}

Test(expect, what_is_learned)
{
	says("{at: loc2-ce1, prefixes: [10.10.30.0/24, 10.11.30.0/26]}", true, "sees 10.10.30.0/24, 10.11.30.0/26");
	says("{at: loc2-ce1, prefixes: [10.10.30.0/24, 10.17.30.0/26]}", false,
	     "sees 10.10.30.0/24, 10.11.30.0/26; expected also 10.17.30.0/26, not 10.11.30.0/26");
	says("{at: loc2-ce1, via: hub-er1, prefixes: []}", true, "sees nothing");
	says("{at: loc2-ce1, notSee: [10.2.30.0/25]}", true, "does not see 10.2.30.0/25");
	says("{at: loc2-ce1, notSee: [10.10.30.4/32]}", false,
	     "sees 10.10.30.0/24, 10.11.30.0/26; expected not 10.10.30.0/24");
}

#define HUB_LOC1 "Active VirtualNetworkGateway 10.10.30.132 and Invalid VirtualNetworkGateway 52.168.162.84"

Test(expect, effective_routes)
{
	says("{vm: hub-vm, prefix: 10.11.30.0/26, nextHopType: VNetPeering, source: Default}", true,
	     "Active VNetPeering (Default)");
	says("{vm: hub-vm, prefix: 10.11.30.0/26, nextHopType: VirtualNetworkGateway}", false,
	     "Active VNetPeering; expected Active VirtualNetworkGateway");
	says("{vm: hub-vm, prefix: 10.2.30.0/25, nextHops: [10.10.30.132]}", true, HUB_LOC1);
	says("{vm: hub-vm, prefix: 10.2.30.0/25, nextHops: [10.10.30.133]}", false,
	     HUB_LOC1 "; expected next hop 10.10.30.133");
	says("{vm: hub-vm, prefix: 10.2.30.0/25, state: Invalid, nextHops: [52.168.162.84]}", true, HUB_LOC1);
	says("{vm: hub-vm, prefix: 10.11.30.0/26, source: User}", false,
	     "Active VNetPeering (Default); expected Active row (User)");
	says("{vm: hub-vm, prefix: 10.2.31.0/25}", false, "no route; expected Active row");
	says("{vm: branch-vm, prefixes: [10.10.30.0/24, 10.11.30.0/26, 10.2.30.0/25]}", true,
	     "sees 10.2.30.0/25, 10.10.30.0/24, 10.11.30.0/26");
	says("{vm: hub-vm, notSee: [10.11.30.0/28]}", false,
	     "sees 10.10.30.0/24, 10.11.30.0/26, 10.1.31.0/25, 10.2.30.0/25, 10.11.30.64/26, 10.17.30.0/26; expected "
	     "not 10.11.30.0/26");
}

/* The parser knows the steps of the decision by name only. */
Test(expect, every_rule_has_a_name_in_the_language)
{
	for (int step = 0; step < N_DECIDE_STEPS; step++) {
		bool holds = step == DECIDE_LOCAL_PREF;
		char text[160], words[200];

		snprintf(text, sizeof(text), "{at: loc1-ce1, prefix: 10.10.30.0/24, rule: %s}", decide_step_name(step));
		snprintf(words, sizeof(words), "%s%s%s", CE_HUB, holds ? "" : "; expected ",
			 holds ? "" : decide_step_name(step));
		says(text, holds, words);
	}
}
