// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What Azure printed beside what the twin prints: tests/golden/az/ holds the
 * one, and is changed here by one thing at a time.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lab.h"
#include "obs/diff.h"

#define ROUTES "circuit-routes er1 --path primary"

static struct lab *interop;

static void setup(void)
{
	interop = lab_of("topologies/interop.yaml");
}

static void teardown(void)
{
	lab_free(interop);
}

TestSuite(diff, .init = setup, .fini = teardown);

/* The difference of a document of Azure's to the view, as text; the document is deleted. To be freed. */
static char *diff_text(const char *command, cJSON *theirs)
{
	cJSON *ours = view_of(interop, command);
	char *text = NULL;
	struct diff d;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	diff_compare(view_named(command), theirs, ours, &d);
	diff_print(&d, out);
	fclose(out);
	diff_free(&d);
	cJSON_Delete(ours);
	cJSON_Delete(theirs);
	return text;
}

static void expect_diff(const char *command, cJSON *theirs, const char *expected)
{
	char *text = diff_text(command, theirs);

	cr_expect_str_eq(text, expected, "%s:\n%s", command, text);
	free(text);
}

static cJSON *read_as(const char *command, const char *text)
{
	struct error e = {};
	cJSON *document = diff_read(view_named(command), "FILE", text, &e);

	cr_assert(document, "%s", e.text);
	return document;
}

static cJSON *sample(const char *command)
{
	char path[128], *text;
	cJSON *document;

	snprintf(path, sizeof(path), "tests/golden/az/%s.json", view_named(command)->name);
	text = text_of(path);
	document = read_as(command, text);
	free(text);
	return document;
}

static cJSON *rows_of(cJSON *document)
{
	return cJSON_GetObjectItem(document, "value");
}

/* --- Nothing differs --------------------------------------------------------------------------------------------- */

Test(diff, samples_are_what_the_twin_prints)
{
	expect_diff("effective-routes branch-vm", sample("effective-routes branch-vm"), "nothing differs: 9 rows\n");
	expect_diff(ROUTES, sample(ROUTES), "nothing differs: 7 rows\n");
	expect_diff("circuit-summary er1 --path primary", sample("circuit-summary er1 --path primary"),
		    "nothing differs: 5 rows\n");
	expect_diff("circuit-arp er1 --path primary", sample("circuit-arp er1 --path primary"),
		    "nothing differs: 2 rows\n");
	expect_diff("learned-routes remote-ergw", sample("learned-routes remote-ergw"), "nothing differs: 6 rows\n");
	expect_diff("advertised-routes hub-ergw --peer 10.10.30.132",
		    sample("advertised-routes hub-ergw --peer 10.10.30.132"), "nothing differs: 2 rows\n");
	expect_diff("bgp-peers hub-ergw", sample("bgp-peers hub-ergw"), "nothing differs: 5 rows\n");
	expect_diff("next-hop hub-vm loc1-vm", sample("next-hop hub-vm loc1-vm"), "nothing differs: 1 rows\n");
}

Test(diff, each_view_equals_itself)
{
	static const char *const commands[] = {
		"effective-routes hub-vm",
		"circuit-routes er2 --path secondary",
		"circuit-arp er1 --path secondary",
		"circuit-summary er1 --path secondary",
		"learned-routes hub-vpngw",
		"bgp-peers hub-vpngw",
		"advertised-routes hub-vpngw --peer 10.11.30.126",
		"next-hop hub-vm 8.8.8.8",
		"bgp loc1-ce1",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char *text = diff_text(commands[i], view_of(interop, commands[i]));

		cr_expect(!strncmp(text, "nothing differs", 15), "%s: %s", commands[i], text);
		free(text);
	}
}

Test(diff, order_does_not_matter)
{
	cJSON *theirs = sample(ROUTES), *rows = rows_of(theirs);

	for (int i = 0; i < 3; i++)
		cJSON_AddItemToArray(rows, cJSON_DetachItemFromArray(rows, i));
	expect_diff(ROUTES, theirs, "nothing differs: 7 rows\n");
}

Test(diff, a_bare_list_is_read)
{
	cJSON *theirs = sample(ROUTES);
	char *text = cJSON_Print(rows_of(theirs));

	expect_diff(ROUTES, read_as(ROUTES, text), "nothing differs: 7 rows\n");
	cJSON_free(text);
	cJSON_Delete(theirs);
}

Test(diff, fields_one_level_deeper_are_read)
{
	cJSON *theirs = sample("effective-routes branch-vm"), *row;
	char *text;

	cJSON_ArrayForEach(row, rows_of(theirs)) cJSON_AddItemToObject(
		cJSON_AddObjectToObject(row, "additionalProperties"), "disableBgpRoutePropagation",
		cJSON_DetachItemFromObject(row, "disableBgpRoutePropagation"));
	text = cJSON_Print(theirs);
	expect_diff("effective-routes branch-vm", read_as("effective-routes branch-vm", text),
		    "nothing differs: 9 rows\n");
	cJSON_free(text);
	cJSON_Delete(theirs);
}

Test(diff, a_row_with_several_prefixes_or_hops_is_several)
{
	static const char text[] =
		"[{\"addressPrefix\":[\"10.11.30.0/26\",\"10.10.30.0/24\",\"10.2.30.0/25\"],\"name\":null,"
		"\"nextHopIpAddress\":[\"203.0.113.16\"],\"nextHopType\":\"VirtualNetworkGateway\","
		"\"source\":\"VirtualNetworkGateway\",\"state\":\"Active\"},"
		"{\"addressPrefix\":[\"10.11.30.64/26\"],\"nextHopIpAddress\":null,\"nextHopType\":\"VnetLocal\","
		"\"source\":\"Default\",\"state\":\"Active\"},"
		"{\"addressPrefix\":[\"0.0.0.0/0\"],\"nextHopIpAddress\":[],\"nextHopType\":\"Internet\","
		"\"source\":\"Default\",\"state\":\"Active\"},"
		"{\"addressPrefix\":[\"10.0.0.0/8\",\"100.64.0.0/10\",\"172.16.0.0/12\",\"192.168.0.0/16\"],"
		"\"nextHopType\":\"None\",\"source\":\"Default\",\"state\":\"Active\"}]";

	expect_diff("effective-routes branch-vm", read_as("effective-routes branch-vm", text),
		    "nothing differs: 9 rows\n");
}

Test(diff, some_edge_routers_leave_preference_and_origin_out)
{
	cJSON *theirs = sample(ROUTES), *row;

	cJSON_ArrayForEach(row, rows_of(theirs))
	{
		cJSON *path = cJSON_GetObjectItem(row, "path");

		cJSON_ReplaceItemInObject(row, "locPrf", cJSON_CreateString(""));
		path->valuestring[strlen("65515")] = '\0';
	}
	expect_diff(ROUTES, theirs, "nothing differs: 7 rows\n");
}

Test(diff, a_vpn_gateways_own_address_is_itself)
{
	cJSON *theirs = view_of(interop, "learned-routes hub-vpngw"), *row;

	/* Azure may have given its one instance another address. */
	cJSON_ArrayForEach(row, rows_of(theirs))
	{
		if (!strcmp(cJSON_GetObjectItem(row, "sourcePeer")->valuestring, "10.10.30.254"))
			cJSON_ReplaceItemInObject(row, "sourcePeer", cJSON_CreateString("10.10.30.142"));
		cJSON_ReplaceItemInObject(row, "localAddress", cJSON_CreateString("10.10.30.142"));
	}
	expect_diff("learned-routes hub-vpngw", theirs, "nothing differs: 10 rows\n");
}

Test(diff, system_routes_that_the_twin_leaves_out_are_counted)
{
	cJSON *theirs = sample("effective-routes branch-vm");
	cJSON *more = cJSON_Duplicate(cJSON_GetArrayItem(rows_of(theirs), 5), true);

	cJSON_SetValuestring(cJSON_GetObjectItem(more, "addressPrefix")->child, "25.4.0.0/14");
	cJSON_AddItemToArray(rows_of(theirs), more);
	expect_diff("effective-routes branch-vm", theirs,
		    "nothing differs: 9 rows\n"
		    "1 system routes with next hop None not counted: the twin leaves them out\n");
}

/* --- Something differs ------------------------------------------------------------------------------------------- */

Test(diff, missing_and_extra_rows_are_named)
{
	cJSON *theirs = sample(ROUTES);

	cJSON_ReplaceItemInObject(cJSON_GetArrayItem(rows_of(theirs), 6), "network",
				  cJSON_CreateString("10.2.31.0/25"));
	expect_diff(ROUTES, theirs,
		    "missing  10.2.31.0/25 192.168.30.17: locPrf 100, path 65021 I, weight 0\n"
		    "extra    10.2.30.0/25 192.168.30.17: locPrf 100, path 65021 I, weight 0\n"
		    "1 missing here, 1 extra here, 0 different, 6 the same\n");
}

Test(diff, changed_fields_are_named_with_both_values)
{
	cJSON *theirs = sample(ROUTES), *row = cJSON_GetArrayItem(rows_of(theirs), 6);

	cJSON_ReplaceItemInObject(row, "path", cJSON_CreateString("65021 65021 ?\n   "));
	cJSON_ReplaceItemInObject(row, "weight", cJSON_CreateNumber(7));
	expect_diff(ROUTES, theirs,
		    "differs  10.2.30.0/25 192.168.30.17: path: 65021 65021 ? in Azure, 65021 I here\n"
		    "differs  10.2.30.0/25 192.168.30.17: weight: 7 in Azure, 0 here\n"
		    "0 missing here, 0 extra here, 1 different, 6 the same\n");
}

Test(diff, a_star_elsewhere_is_another_best)
{
	cJSON *theirs = sample(ROUTES);

	cJSON_ReplaceItemInObject(cJSON_GetArrayItem(rows_of(theirs), 0), "nextHop",
				  cJSON_CreateString("10.10.30.140"));
	cJSON_ReplaceItemInObject(cJSON_GetArrayItem(rows_of(theirs), 1), "nextHop",
				  cJSON_CreateString("10.10.30.141*"));
	expect_diff(ROUTES, theirs,
		    "differs  10.10.30.0/24 10.10.30.140: best: no in Azure, yes here\n"
		    "differs  10.10.30.0/24 10.10.30.141: best: yes in Azure, no here\n"
		    "0 missing here, 0 extra here, 2 different, 5 the same\n");
}

Test(diff, a_failure_shows)
{
	lab_down(interop, "er1.primary");
	expect_diff(ROUTES, sample(ROUTES),
		    "missing  10.2.30.0/25 192.168.30.17: locPrf 100, path 65021 I, weight 0\n"
		    "1 missing here, 0 extra here, 0 different, 6 the same\n");
	expect_diff("circuit-summary er1 --path primary", sample("circuit-summary er1 --path primary"),
		    "differs  192.168.30.17: statePfxRcd: 1 in Azure, Idle here\n"
		    "0 missing here, 0 extra here, 1 different, 4 the same\n");
	expect_diff("circuit-arp er1 --path primary", sample("circuit-arp er1 --path primary"),
		    "differs  On-Prem 192.168.30.17: macAddress: 02cf.2b02.c22b in Azure, Incomplete here\n"
		    "0 missing here, 0 extra here, 1 different, 1 the same\n");
}

Test(diff, json_has_the_same)
{
	cJSON *theirs = sample(ROUTES), *ours = view_of(interop, ROUTES), *json;
	struct diff d;
	char *text;

	cJSON_ReplaceItemInObject(cJSON_GetArrayItem(rows_of(theirs), 6), "weight", cJSON_CreateNumber(7));
	cJSON_DeleteItemFromArray(rows_of(theirs), 5);
	diff_compare(view_named(ROUTES), theirs, ours, &d);
	json = diff_json(&d);
	text = cJSON_PrintUnformatted(json);
	cr_expect_str_eq(
		text,
		"{\"view\":\"circuit-routes\",\"missing\":[],\"extra\":[{\"locPrf\":\"100\",\"network\":\"10.17.30.0/"
		"26\","
		"\"nextHop\":\"10.17.30.45\",\"path\":\"65515 I\\n                    \",\"weight\":0}],\"different\":["
		"{\"row\":\"10.2.30.0/25 "
		"192.168.30.17\",\"fields\":[{\"field\":\"weight\",\"azure\":\"7\",\"here\":\"0\"}]}],"
		"\"same\":5,\"leftOut\":0}");
	cJSON_free(text);
	cJSON_Delete(json);
	diff_free(&d);
	cJSON_Delete(theirs);
	cJSON_Delete(ours);
}

Test(diff, what_stands_beside_the_list_is_compared)
{
	static const char *const command = "connectivity hub-vm spoke-vm";
	cJSON *theirs = sample(command), *ours = sample(command);
	struct diff d;

	cJSON_ReplaceItemInObject(ours, "connectionStatus", cJSON_CreateString("Unreachable"));
	cJSON_ReplaceItemInObject(ours, "avgLatencyInMs", cJSON_CreateNull());
	diff_compare(view_named(command), theirs, ours, &d);
	cr_assert_eq(d.different.n, 1);
	cr_assert_eq(d.different.items[0].fields.n, 1);
	cr_expect_str_eq(d.different.items[0].fields.items[0].name, "connectionStatus");
	cr_expect_eq(d.same, 2);
	diff_free(&d);
	cJSON_Delete(theirs);
	cJSON_Delete(ours);
}

/* --- What cannot be compared ------------------------------------------------------------------------------------- */

Test(diff, bad_files_say_where_and_what_was_expected)
{
	static const struct {
		const char *command, *text, *says;
	} cases[] = {
		{ROUTES, "", "FILE:1:1: this is no JSON: expected what az prints with -o json"},
		{ROUTES, "WARNING: in preview\n{}", "FILE:1:1: this is no JSON"},
		{ROUTES, "{\"value\": [\n  {\"network\": ]}", "FILE:2:15: this is no JSON"},
		{ROUTES, "{\"value\": []} more", "FILE:1:15: this is no JSON"},
		{ROUTES, "3", "FILE: this is a number; expected an object or a list, as 'az network express-route"},
		{ROUTES, "{\"values\": []}", "FILE: 'value' is missing; expected a list"},
		{ROUTES, "{\"value\": {}}", "FILE: 'value' is an object; expected a list"},
		{ROUTES, "{\"value\": [null]}", "FILE: value[0] is null; expected an object"},
		{ROUTES, "[{\"network\": \"10.0.0.0/8\"}, {\"age\": 3}]",
		 "FILE: value[1] has no 'network'; expected what"},
		{"bgp-peers hub-ergw", "[{\"localAddress\": \"10.0.0.1\", \"network\": \"10.0.0.0/8\"}]",
		 "FILE: value[0] has no 'neighbor'; expected what"},
		{ROUTES, "[{\"network\": [1]}]", "FILE: value[0].network is a list; expected a string"},
		{ROUTES, "[{\"network\": \"a\", \"weight\": {}}]",
		 "FILE: value[0].weight is an object; expected a number"},
		{"next-hop hub-vm 8.8.8.8", "[]", "FILE: this is a list; expected an object"},
		{"next-hop hub-vm 8.8.8.8", "{}", "FILE: the document has no 'nextHopIpAddress'"},
		{"connectivity hub-vm spoke-vm", "{}", "FILE: 'hops' is missing; expected a list"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error e = {};
		cJSON *document = diff_read(view_named(cases[i].command), "FILE", cases[i].text, &e);

		cr_expect_null(document, "'%s' is taken", cases[i].text);
		cr_expect(!strncmp(e.text, cases[i].says, strlen(cases[i].says)), "'%s' says: %s", cases[i].text,
			  e.text);
		cJSON_Delete(document);
	}
}
