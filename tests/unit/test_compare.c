// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What compare switches and prints, and loans of switches in a lab's state. Nothing is loaded or measured. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lab.h"
#include "obs/compare.h"

#define FASTPATH "topologies/fastpath.yaml"

static const struct host *host_of(const struct lab *lab, const char *name)
{
	const struct host *h = fabric_host(lab->fabric, name);

	cr_assert(h, "no host %s", name);
	return h;
}

/* --- Which connection ----------------------------------------------------------------------------------------------
 */

static const struct {
	const char *file, *was, *is; /* NULL: as it is */
	const char *from, *to;
	int err;
	const char *says; /* connections, or words of the error */
} searches[] = {
	{FASTPATH, NULL, NULL, "client-pc", "hub-vm", 0, "hub-er"},
	{FASTPATH, NULL, NULL, "hub-vm", "client-pc", 0, "replies: hub-er"},
	{FASTPATH, ", expressRouteGatewayBypass: true", "", "client-pc", "hub-vm", 0, "hub-er"},
	{FASTPATH, ", expressRouteGatewayBypass: true", "", "client-pc", "spoke-vm", -EPERM, "peered spokes"},
	{FASTPATH, NULL, NULL, "client-pc", "spoke-vm", -EPERM, "peered spokes"},
	{FASTPATH, NULL, NULL, "spoke-vm", "client-pc", -EPERM, "peered spokes"},
	{FASTPATH, NULL, NULL, "hub-vm", "spoke-vm", -ENOENT, "nothing to bypass"},
	{FASTPATH, "sku: ErGw3AZ", "sku: ErGw2AZ", "client-pc", "hub-vm", -EPERM, "SKU ErGw2AZ has no FastPath"},
	/* Two circuits share the flows: both are switched. */
	{"topologies/ecmp.yaml", NULL, NULL, "dc-host", "vm-a", 0, "hub-er1 hub-er2"},
	/* From one hub by way of the edge router into the other one: its gateway. */
	{"topologies/interop.yaml", NULL, NULL, "remote-vm", "hub-vm", 0, "hub-er1"},
	{"topologies/interop.yaml", NULL, NULL, "branch-vm", "loc2-vm", -EHOSTUNREACH, "does not reach"},
};

static char *connections_of(const struct bypass *b)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs(b->replies ? "replies:" : "", out);
	vec_each(c, &b->connections)
		fprintf(out, "%s%s", b->replies || c != b->connections.items ? " " : "", (*c)->name);
	fclose(out);
	return text;
}

Test(compare, finds_what_is_to_be_switched)
{
	for (size_t i = 0; i < sizeof(searches) / sizeof(searches[0]); i++) {
		struct lab *lab = searches[i].is ? lab_with(searches[i].file, searches[i].was, searches[i].is)
						 : lab_of(searches[i].file);
		struct bypass b;
		struct error e = {};
		int err = bypass_find(lab, host_of(lab, searches[i].from), host_of(lab, searches[i].to), 0, &b, &e);
		char *found = connections_of(&b);

		cr_expect_eq(err, searches[i].err, "%s > %s: %d, %s", searches[i].from, searches[i].to, err, e.text);
		if (err)
			cr_expect(strstr(e.text, searches[i].says), "%s", e.text);
		else
			cr_expect_str_eq(found, searches[i].says, "%s > %s: %s", searches[i].from, searches[i].to,
					 found);
		free(found);
		bypass_free(&b);
		lab_free(lab);
	}
}

/* --- Loans ---------------------------------------------------------------------------------------------------------
 */

static size_t at_of(const struct lab *lab, const char *connection)
{
	return topo_connection(lab->topo, connection) - lab->topo->connections.items;
}

Test(compare, a_loan_survives_as_text_and_ends_where_it_began)
{
	struct lab *lab = lab_of(FASTPATH), *next = lab_of(FASTPATH);
	size_t at = at_of(lab, "hub-er");
	char *text;

	cr_assert(!lab_has_loans(lab) && lab->fastpath[at]);
	lab->loans[at] = (struct loan){.lent = true, .was_on = true};
	lab->fastpath[at] = false;
	text = lab_state_text(lab);
	lab_state_set(next, text);
	free(text);
	cr_assert(lab_has_loans(next) && !next->fastpath[at]);
	cr_assert_eq(lab_end_loans(next), 1);
	cr_assert(!lab_has_loans(next) && next->fastpath[at]);
	cr_assert_eq(lab_end_loans(next), 0);
	lab_free(lab);
	lab_free(next);
}

/* Another file under the same name: the loan has ended, and the file's own word on FastPath goes before the old one. */
Test(compare, a_load_ends_a_loan)
{
	struct lab *lab = lab_of(FASTPATH), *same = lab_of(FASTPATH);
	struct lab *off = lab_with(FASTPATH, "expressRouteGatewayBypass: true", "expressRouteGatewayBypass: false");
	size_t at = at_of(lab, "hub-er");

	lab->loans[at] = (struct loan){.lent = true, .was_on = true};
	lab->fastpath[at] = false;
	lab_adopt(same, lab);
	lab_adopt(off, lab);
	cr_assert(!lab_has_loans(same) && same->fastpath[at]);
	cr_assert(!lab_has_loans(off) && !off->fastpath[at]);
	lab_free(lab);
	lab_free(same);
	lab_free(off);
}

/* --- Output --------------------------------------------------------------------------------------------------------
 */

/* Takes of TCP with FastPath off, then on, then of ICMP; 0: lost. */
static const double takes_ms[N_METER_KINDS][2][4] = {
	{{4.25, 3.81, 4.52, 4.74}, {2.34, 0, 2.62, 2.45}},
	{{0, 0, 0, 0}, {0.031, 0.033, 0.032, 0.035}},
};

static void make_samples(struct meter_result *r)
{
	for (enum meter_kind kind = 0; kind < N_METER_KINDS; kind++)
		for (int on = 0; on < 2; on++)
			for (unsigned i = 0; i < 4; i++) {
				double took = takes_ms[kind][on][i];

				vec_push(&r->samples, ((struct meter_sample){.kind = kind,
									     .on = on,
									     .pair = i,
									     .lost = took == 0,
									     .sport = kind == METER_TCP ? 12000 + i : 0,
									     .took_ns = took * 1e6 + 0.5}));
			}
}

/* To be freed. */
static char *printed(void (*print)(const struct comparison *c, FILE *out))
{
	struct lab *lab = lab_of(FASTPATH);
	const struct meter_plan plan = {
		.from = host_of(lab, "client-pc"), .to = host_of(lab, "hub-vm"), .count = 4, .block = 2};
	struct meter_result measured = {.port = 3389, .listened = true};
	struct bypass bypass = {};
	struct comparison c;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	make_samples(&measured);
	compare_make(lab, &plan, &measured, &bypass, &c);
	print(&c, out);
	fclose(out);
	compare_free(&c);
	meter_result_free(&measured);
	lab_free(lab);
	return text;
}

Test(compare, text_in_the_terms_of_psping)
{
	char *text = printed(compare_print), *at = strstr(text, "TCP connect");
	const char *const expected =
		"TCP connect to 10.128.1.4:3389 (opened for this):\n"
		"FastPath off:\n"
		"  Sent = 4, Received = 4, Lost = 0 (0% loss),\n"
		"  Minimum = 3.81ms, Maximum = 4.74ms, Average = 4.33ms,\n" /* as published */
		"  Median = 4.38ms, p99 = 4.73ms\n"
		"FastPath on:\n"
		"  Sent = 4, Received = 3, Lost = 1 (25% loss),\n"
		"  Minimum = 2.34ms, Maximum = 2.62ms, Average = 2.47ms,\n"
		"  Median = 2.45ms, p99 = 2.62ms\n"
		"Median off - on = 1.93ms, 95% interval 1.36ms to 2.29ms\n" /* the seed is fixed */;

	cr_assert(at && !strncmp(at, expected, strlen(expected)), "%s", text);
	free(text);
}

Test(compare, a_side_without_an_answer_is_not_compared)
{
	char *text = printed(compare_print), *at = strstr(text, "ICMP echo");

	cr_assert_str_eq(at,
			 "ICMP echo to 10.128.1.4:\n"
			 "FastPath off:\n"
			 "  Sent = 4, Received = 0, Lost = 4 (100% loss),\n"
			 "FastPath on:\n"
			 "  Sent = 4, Received = 4, Lost = 0 (0% loss),\n"
			 "  Minimum = 0.031ms, Maximum = 0.035ms, Average = 0.033ms,\n"
			 "  Median = 0.033ms, p99 = 0.035ms\n",
			 "%s", text);
	free(text);
	text = printed(compare_plot);
	cr_assert(strstr(text, "$tcp_off") && !strstr(text, "$icmp") && !strstr(text, "nan"), "%s", text);
	free(text);
}

Test(compare, a_lost_sample_has_no_time)
{
	char *text = printed(compare_csv);

	cr_assert(strstr(
		text, "order,probe,fastPath,block,pair,sourcePort,atMs,ms\n0,tcp,off,0,0,12000,0.000000,4.250000\n"));
	cr_assert(strstr(text, "\n5,tcp,on,0,1,12001,0.000000,\n6,"), "%s", text);
	cr_assert(strstr(text, "\n12,icmp,on,0,0,,0.000000,0.031000\n"), "%s", text);
	free(text);
}
