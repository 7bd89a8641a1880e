// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The views: what they print of the shipped topologies, and that their fields
 * are Azure's. After a change that is meant,
 *
 *	ERXDP_UPDATE=1 build/unit-tests --filter 'show/golden*'
 *
 * writes tests/golden/show/ anew; read the diff before committing it.
 */
#include <criterion/criterion.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "lab.h"
#include "obs/show.h"

static struct lab *interop;

static void setup(void)
{
	interop = lab_of("topologies/interop.yaml");
}

static void teardown(void)
{
	lab_free(interop);
}

TestSuite(show, .init = setup, .fini = teardown);

/* --- Golden ------------------------------------------------------------------------------------------------------ */

static void print_view(const struct lab *lab, const char *command, bool json, FILE *out)
{
	cJSON *document = view_of(lab, command);

	fprintf(out, "$ erxdpctl show %s%s\n", json ? "--json " : "", command);
	if (json) {
		char *text = cJSON_Print(document);

		fprintf(out, "%s\n", text);
		cJSON_free(text);
	} else {
		view_print(view_named(command), document, out);
	}
	fputc('\n', out);
	cJSON_Delete(document);
}

static void print_one(const struct lab *lab, bool json, FILE *out, const char *format, const char *name,
		      const char *more)
{
	char command[256];

	snprintf(command, sizeof(command), format, name, more);
	print_view(lab, command, json, out);
}

static void print_circuits(const struct lab *lab, bool json, FILE *out)
{
	static const char *const paths[] = {"primary", "secondary"};

	vec_each(c, &lab->topo->circuits) {
		for (int p = 0; p < 2; p++) {
			print_one(lab, json, out, "circuit-routes %s --path %s", c->name, paths[p]);
			print_one(lab, json, out, "circuit-summary %s --path %s", c->name, paths[p]);
			print_one(lab, json, out, "circuit-arp %s --path %s", c->name, paths[p]);
		}
	}
}

static void print_gateways(const struct lab *lab, bool json, FILE *out)
{
	vec_each(g, &lab->topo->gateways) {
		cJSON *peers, *peer;
		char command[256];

		print_one(lab, json, out, "learned-routes %s%s", g->name, "");
		print_one(lab, json, out, "bgp-peers %s%s", g->name, "");
		snprintf(command, sizeof(command), "bgp-peers %s", g->name);
		peers = view_of(lab, command);
		cJSON_ArrayForEach(peer, cJSON_GetObjectItem(peers, "value"))
		{
			if (strcmp(cJSON_GetObjectItem(peer, "state")->valuestring, "Unknown"))
				print_one(lab, json, out, "advertised-routes %s --peer %s", g->name,
					  cJSON_GetObjectItem(peer, "neighbor")->valuestring);
		}
		cJSON_Delete(peers);
	}
}

static void print_hosts(const struct lab *lab, bool json, FILE *out)
{
	vec_each(h, &lab->fabric->hosts) {
		if (!h->vnet)
			continue;
		print_one(lab, json, out, "effective-routes %s%s", h->name, "");
		vec_each(to, &lab->fabric->hosts) {
			if (to != h)
				print_one(lab, json, out, "next-hop %s %s", h->name, to->name);
		}
	}
}

static void print_all(const struct lab *lab, bool json, FILE *out)
{
	print_hosts(lab, json, out);
	print_circuits(lab, json, out);
	print_gateways(lab, json, out);
	vec_each(s, &lab->topo->sites) {
		vec_each(r, &s->routers)
			print_one(lab, json, out, "bgp %s%s", r->name, "");
	}
}

static void golden(const struct lab *lab, const char *name, bool json)
{
	char path[128], *got = NULL, *expected;
	size_t size;
	FILE *out = open_memstream(&got, &size), *file;

	print_all(lab, json, out);
	fclose(out);
	snprintf(path, sizeof(path), "tests/golden/show/%s.%s", name, json ? "json.txt" : "txt");
	if (getenv("ERXDP_UPDATE")) {
		file = fopen(path, "we");
		cr_assert(file && fputs(got, file) >= 0, "cannot write %s", path);
		fclose(file);
	}
	expected = text_of(path);
	cr_expect_str_eq(got, expected, "the views differ from %s; see the head of this file", path);
	free(expected);
	free(got);
}

Test(show, golden_interop)
{
	golden(interop, "interop", false);
	golden(interop, "interop", true);
}

Test(show, golden_ecmp)
{
	struct lab *lab = lab_of("topologies/ecmp.yaml");

	golden(lab, "ecmp", false);
	lab_free(lab);
}

Test(show, golden_vpn_backup)
{
	struct lab *lab = lab_of("topologies/vpn-backup.yaml");

	golden(lab, "vpn-backup", false);
	lab_free(lab);
}

Test(show, golden_hairpin)
{
	struct lab *lab = lab_of("topologies/hairpin.yaml");

	golden(lab, "hairpin", false);
	lab_free(lab);
}

Test(show, golden_globalreach)
{
	struct lab *lab = lab_of("topologies/globalreach.yaml");

	golden(lab, "globalreach", false);
	lab_free(lab);
}

Test(show, golden_user_defined)
{
	struct lab *lab = lab_of("tests/unit/topologies/user-defined.yaml");

	golden(lab, "user-defined", false);
	golden(lab, "user-defined", true);
	lab_free(lab);
}

/* Beside a default route that is not the system's (azure.md 8.1); withdrawn, the system's rows are back. */
Test(show, golden_default_by_bgp)
{
	struct lab *lab = lab_of("tests/unit/topologies/default-by-bgp.yaml");

	golden(lab, "default-by-bgp", false);
	golden(lab, "default-by-bgp", true);
	lab_down(lab, "hub-er1");
	golden(lab, "default-by-bgp-withdrawn", false);
	lab_free(lab);
}

Test(show, golden_default_by_udr)
{
	struct lab *lab = lab_of("tests/unit/topologies/default-by-udr.yaml");

	golden(lab, "default-by-udr", false);
	golden(lab, "default-by-udr", true);
	lab_free(lab);
}

Test(show, golden_primary_down)
{
	lab_down(interop, "er1.primary");
	golden(interop, "interop-er1-primary-down", false);
}

/* --- Azure's fields ---------------------------------------------------------------------------------------------- */

static const struct {
	const char *view, *command;
} samples[] = {
	{"effective-routes", "effective-routes branch-vm"},
	{"circuit-routes", "circuit-routes er1 --path primary"},
	{"circuit-summary", "circuit-summary er1 --path primary"},
	{"circuit-arp", "circuit-arp er1 --path primary"},
	{"learned-routes", "learned-routes remote-ergw"},
	{"advertised-routes", "advertised-routes hub-ergw --peer 10.10.30.132"},
	{"bgp-peers", "bgp-peers hub-ergw"},
	{"next-hop", "next-hop hub-vm loc1-vm"},
};
#define N_SAMPLES (sizeof(samples) / sizeof(samples[0]))

static cJSON *sample(const char *view)
{
	char path[128], *text;
	cJSON *root;

	snprintf(path, sizeof(path), "tests/golden/az/%s.json", view);
	text = text_of(path);
	root = cJSON_Parse(text);
	cr_assert(root, "%s is no JSON", path);
	free(text);
	return root;
}

static int kind_of(const cJSON *value)
{
	int type = value->type & 0xff;

	return type == cJSON_True ? cJSON_False : type;
}

/* "address string, id string, …", in their order. */
static char *fields_of(const cJSON *row)
{
	char *text = NULL;
	const cJSON *field;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cJSON_ArrayForEach(field, row) fprintf(out, "%s:%d ", field->string, kind_of(field));
	fclose(out);
	return text;
}

/* Every combination of fields that one side has, the other has too. */
static void expect_same_fields(const char *view, const cJSON *rows, const cJSON *others)
{
	const cJSON *row, *other;

	cJSON_ArrayForEach(row, rows)
	{
		char *fields = fields_of(row);
		bool found = false;

		cJSON_ArrayForEach(other, others)
		{
			char *text = fields_of(other);

			found = found || !strcmp(fields, text);
			free(text);
		}
		cr_expect(found, "%s: no row on the other side has the fields %s", view, fields);
		free(fields);
	}
}

Test(show, fields_are_azures)
{
	for (size_t i = 0; i < N_SAMPLES; i++) {
		const struct view *v = view_named(samples[i].command);
		cJSON *theirs = sample(samples[i].view), *ours = view_of(interop, samples[i].command);
		char *a = fields_of(theirs), *b = fields_of(ours);

		cr_expect_str_eq(a, b, "%s: the document has other fields", samples[i].view);
		if (v->list) {
			expect_same_fields(samples[i].view, view_rows(v, theirs), view_rows(v, ours));
			expect_same_fields(samples[i].view, view_rows(v, ours), view_rows(v, theirs));
		}
		free(a);
		free(b);
		cJSON_Delete(theirs);
		cJSON_Delete(ours);
	}
}

static int type_in_json(enum column_type type)
{
	static const int types[] = {[COLUMN_TEXT] = cJSON_String,
				    [COLUMN_NUMBER] = cJSON_Number,
				    [COLUMN_BOOL] = cJSON_False,
				    [COLUMN_LIST] = cJSON_Array,
				    [COLUMN_OBJECTS] = cJSON_Array};

	return types[type];
}

/* The columns say what the documents hold: az's samples, so that the registry cannot drift from them. */
Test(show, columns_are_azures)
{
	for (const struct view *v = views; v->name; v++) {
		cJSON *theirs = strcmp(v->name, "bgp") ? sample(v->name) : NULL;
		const cJSON *row = !theirs ? NULL : v->list ? view_rows(v, theirs)->child : theirs;

		for (size_t i = 0; theirs && i < v->n_head; i++) {
			const cJSON *value = cJSON_GetObjectItemCaseSensitive(theirs, v->head[i].field);

			cr_expect(value && kind_of(value) == type_in_json(v->head[i].type), "%s: %s", v->name,
				  v->head[i].field);
		}
		for (size_t i = 0; row && i < v->n_columns; i++) {
			const cJSON *value = cJSON_GetObjectItemCaseSensitive(row, v->columns[i].field);

			cr_expect(!value || cJSON_IsNull(value) || kind_of(value) == type_in_json(v->columns[i].type),
				  "%s: %s", v->name, v->columns[i].field);
		}
		cJSON_Delete(theirs);
	}
}

/* --- Odd forms --------------------------------------------------------------------------------------------------- */

static bool matches(const char *text, const char *pattern)
{
	regex_t re;
	bool yes;

	cr_assert_not(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB));
	yes = !regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	return yes;
}

Test(show, times_are_printed_as_azure_does)
{
	static const struct {
		uint64_t ns;
		const char *up_down, *span;
	} cases[] = {
		{0, "00:00", "00:00:00"},
		{1524ull * 1000000000, "25:24", "00:25:24"},
		{1162110522100ull, "19:22", "00:19:22.1105221"},
		{40155ull * 1000000000, "11:09:15", "11:09:15"},
		{93600ull * 1000000000, "1d02h", "1.02:00:00"},
		{270853179696100ull, "3d03h", "3.03:14:13.1796961"},
		{5184000ull * 1000000000, "8w4d", "60.00:00:00"},
	};
	char text[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_str_eq(format_up_down(cases[i].ns, text), cases[i].up_down);
		cr_expect_str_eq(format_time_span(cases[i].ns, text), cases[i].span);
	}
}

Test(show, messages_follow_from_time_and_prefixes)
{
	cr_expect_eq(session_messages(0, 2), 3);
	cr_expect_eq(session_messages(600ull * 1000000000, 2), 13);
}

static char *field(const cJSON *row, const char *name)
{
	return value_text(cJSON_GetObjectItemCaseSensitive(row, name));
}

Test(show, circuit_forms)
{
	cJSON *routes = view_of(interop, "circuit-routes er1 --path primary"), *row;
	cJSON *arp = view_of(interop, "circuit-arp er1 --path primary");
	unsigned stars = 0;

	cJSON_ArrayForEach(row, cJSON_GetObjectItem(routes, "value"))
	{
		const char *path = cJSON_GetObjectItem(row, "path")->valuestring;
		char *hop = field(row, "nextHop");

		cr_expect(matches(path, "^[0-9]+( [0-9]+)* [IE?]\n {20}$"), "path '%s'", path);
		stars += hop[strlen(hop) - 1] == '*';
		free(hop);
	}
	cr_expect_eq(stars, 3, "one best instance for each VNet, and no star for a single route");
	cJSON_ArrayForEach(row, cJSON_GetObjectItem(arp, "value"))
	{
		const char *mac = cJSON_GetObjectItem(row, "macAddress")->valuestring;

		cr_expect(matches(mac, "^([0-9a-f]{4}\\.){2}[0-9a-f]{4}$"), "mac '%s'", mac);
	}
	cJSON_Delete(routes);
	cJSON_Delete(arp);
}

/* The first value of a field in a view's list, or that of its n-th row. */
static char *value_at(const char *command, int row, const char *name)
{
	cJSON *document = view_of(interop, command);
	char *text = field(cJSON_GetArrayItem(view_rows(view_named(command), document), row), name);

	cJSON_Delete(document);
	return text;
}

static void expect_value(const char *command, int row, const char *name, const char *expected)
{
	char *text = value_at(command, row, name);

	cr_expect_str_eq(text, expected, "%s, row %d: %s is '%s', not '%s'", command, row, name, text, expected);
	free(text);
}

Test(show, a_shut_link_is_idle_and_incomplete)
{
	expect_value("circuit-summary er1 --path secondary", 4, "statePfxRcd", "Idle");
	expect_value("circuit-summary er1 --path secondary", 4, "upDown", "never");
	expect_value("circuit-arp er1 --path secondary", 0, "macAddress", "Incomplete");
}

/* What Azure's support calls the layers of a circuit's troubles. */
Test(show, a_session_that_is_down_says_how)
{
	char *heard = value_at("circuit-arp er2 --path primary", 0, "macAddress");

	cr_assert_eq(lab_fail(interop, "er2.primary", FAULT_BGP), 0);
	cr_assert_eq(lab_fail(interop, "er2.secondary", FAULT_ARP), 0);
	lab_down(interop, "er1.primary");
	expect_value("circuit-summary er2 --path primary", 2, "statePfxRcd", "Active");
	expect_value("circuit-arp er2 --path primary", 0, "macAddress", heard);
	expect_value("circuit-summary er2 --path secondary", 2, "statePfxRcd", "Active");
	expect_value("circuit-arp er2 --path secondary", 0, "macAddress", "Incomplete");
	free(heard);
}

Test(show, a_session_over_its_limit_is_counted_out)
{
	struct lab *lab = lab_with("topologies/interop.yaml", "advertise: [10.2.30.0/25]",
				   "advertise: [{first: 10.64.0.0/24, count: 4001}]");
	cJSON *summary = view_of(lab, "circuit-summary er1 --path primary");
	char *state = field(cJSON_GetArrayItem(cJSON_GetObjectItem(summary, "value"), 4), "statePfxRcd");

	cr_expect_str_eq(state, "Idle (PfxCt)");
	free(state);
	cJSON_Delete(summary);
	lab_free(lab);
}

Test(show, an_expressroute_gateway_reports_by_an_instance_that_runs)
{
	expect_value("bgp-peers hub-ergw", 0, "localAddress", "10.10.30.140");
	lab_down(interop, "hub-ergw/0");
	expect_value("bgp-peers hub-ergw", 0, "localAddress", "10.10.30.141");
	expect_value("circuit-routes er1 --path primary", 1, "nextHop", "10.10.30.141");
	lab_down(interop, "hub-ergw/1");
	expect_value("bgp-peers hub-ergw", 0, "localAddress", "");
}

Test(show, a_lost_neighbour_is_connecting)
{
	cJSON *peers;

	lab_down(interop, "hub-loc1-vpn");
	peers = view_of(interop, "bgp-peers hub-vpngw");
	cr_expect_str_eq(cJSON_GetObjectItem(cJSON_GetObjectItem(peers, "value")->child, "state")->valuestring,
			 "Connecting");
	cr_expect(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetObjectItem(peers, "value")->child, "connectedDuration")));
	cJSON_Delete(peers);
}

Test(show, nobody_is_advertised_to_who_is_no_peer)
{
	cJSON *routes = view_of(interop, "advertised-routes hub-ergw --peer 10.10.30.99");
	char *text = cJSON_PrintUnformatted(routes);

	cr_expect_str_eq(text, "{\"value\":[]}");
	cJSON_free(text);
	cJSON_Delete(routes);
}

Test(show, received_is_what_is_listed)
{
	cJSON *peers = view_of(interop, "bgp-peers hub-vpngw"), *peer, *route;
	cJSON *routes = view_of(interop, "learned-routes hub-vpngw");

	cJSON_ArrayForEach(peer, cJSON_GetObjectItem(peers, "value"))
	{
		char *neighbour = field(peer, "neighbor"), *local = field(peer, "localAddress");
		int n = 0;

		cJSON_ArrayForEach(route, cJSON_GetObjectItem(routes, "value"))
			n += !strcmp(cJSON_GetObjectItem(route, "sourcePeer")->valuestring, neighbour);
		if (strcmp(neighbour, local))
			cr_expect_eq(cJSON_GetObjectItem(peer, "routesReceived")->valueint, n, "from %s", neighbour);
		free(neighbour);
		free(local);
	}
	cJSON_Delete(peers);
	cJSON_Delete(routes);
}

/* --- What is typed ----------------------------------------------------------------------------------------------- */

Test(show, misuse_is_named)
{
	static const struct {
		const char *command, *says;
	} cases[] = {
		{"circut-routes er1", "there is no view 'circut-routes' (did you mean 'circuit-routes'?)"},
		{"circuit-routes er9 --path primary", "lab 'interop' has no circuit 'er9' (did you mean 'er1'?)"},
		{"circuit-routes er1", "'circuit-routes' needs --path primary or --path secondary, as az does"},
		{"circuit-routes er1 --path third", "--path takes primary or secondary, not 'third'"},
		{"circuit-routes", "what is asked for is 'circuit-routes CIRCUIT --path primary|secondary'"},
		{"learned-routes hub-ergw --path primary", "'learned-routes' does not take --path"},
		{"learned-routes hub-er", "has no virtual network gateway 'hub-er' (did you mean"},
		{"advertised-routes hub-ergw", "'advertised-routes' needs --peer ADDRESS"},
		{"advertised-routes hub-ergw --peer 1.2.3", "--peer takes an address, not '1.2.3'"},
		{"effective-routes hub-mv", "has no VM 'hub-mv' (did you mean 'hub-vm'?)"},
		{"effective-routes loc1-vm", "'loc1-vm' is a server"},
		{"next-hop hub-vm nowhere", "has no address or host 'nowhere'"},
		{"bgp loc1-ce9", "has no router 'loc1-ce9' (did you mean 'loc1-ce1'?)"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error e = {};

		cr_expect_null(view_made(interop, cases[i].command, &e), "%s", cases[i].command);
		cr_expect(strstr(e.text, cases[i].says), "%s says '%s'", cases[i].command, e.text);
	}
}
