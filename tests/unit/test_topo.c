// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Topology files: the model that comes out of the shipped ones, what is filled
 * in, and every message. The messages are golden: tests/golden/bad/NAME.yaml is
 * refused with exactly the text of NAME.err. After a change of wording,
 *
 *	ERXDP_UPDATE=1 build/unit-tests --filter 'topo/bad_files'
 *
 * writes the .err files anew; read the diff before committing it.
 */
#include <criterion/criterion.h>
#include <cjson/cJSON.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topo/keys.h"
#include "topo/topo.h"

#define GOLDEN "tests/golden/bad"

static char *messages_of(struct diags *d, const char *file)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	diags_print(d, file, out);
	fclose(out);
	return text;
}

static struct topo *parse(const char *text, char **messages)
{
	struct diags d = {};
	struct topo *t = topo_parse(text, strlen(text), &d);

	*messages = messages_of(&d, "t");
	diags_free(&d);
	return t;
}

static char *file_text(const char *name)
{
	FILE *in = fopen(name, "re");
	char *text = NULL;
	size_t size = 0;

	if (!in)
		return NULL;
	if (getdelim(&text, &size, '\0', in) < 0)
		text = strcpy(realloc(text, 1), "");
	fclose(in);
	return text;
}

static void bad_file(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	char expected_path[256], *expected, *got;
	struct diags d = {};
	struct topo *t;
	int err;

	t = topo_read(path, &d, &err);
	cr_assert(err == 0, "%s", path);
	cr_expect_null(t, "%s was not refused", name);
	got = messages_of(&d, name);
	snprintf(expected_path, sizeof(expected_path), "%.*s.err", (int)strlen(path) - 5, path);
	if (getenv("ERXDP_UPDATE")) {
		FILE *out = fopen(expected_path, "we");

		fputs(got, out);
		fclose(out);
	}
	expected = file_text(expected_path);
	cr_expect(expected && !strcmp(expected, got), "%s:\n--- expected\n%s--- got\n%s", name,
		  expected ? expected : "", got);
	free(expected);
	free(got);
	diags_free(&d);
	topo_free(t);
}

Test(topo, bad_files)
{
	glob_t files;

	cr_assert(glob(GOLDEN "/*.yaml", 0, NULL, &files) == 0);
	cr_assert(files.gl_pathc >= 70);
	for (size_t i = 0; i < files.gl_pathc; i++)
		bad_file(files.gl_pathv[i]);
	globfree(&files);
}

Test(topo, shipped_files_load_without_a_word)
{
	glob_t files;

	cr_assert(glob("topologies/*.yaml", 0, NULL, &files) == 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct diags d = {};
		int err;
		struct topo *t = topo_read(files.gl_pathv[i], &d, &err);
		char *got = messages_of(&d, files.gl_pathv[i]);

		cr_expect_not_null(t, "%s", files.gl_pathv[i]);
		cr_expect_str_empty(got, "%s", got);
		free(got);
		diags_free(&d);
		topo_free(t);
	}
	globfree(&files);
}

static struct topo *interop(void)
{
	struct diags d = {};
	int err;
	struct topo *t = topo_read("topologies/interop.yaml", &d, &err);

	cr_assert_not_null(t);
	diags_free(&d);
	return t;
}

Test(topo, interop_is_the_published_setup)
{
	struct topo *t = interop();
	const struct vnet *hub = topo_vnet(t, "hub"), *spoke = topo_vnet(t, "spoke");
	const struct connection *vpn = topo_connection(t, "hub-loc1-vpn");
	const struct circuit *er1 = topo_circuit(t, "er1");
	const struct router *ce1 = topo_router(t, "loc1-ce1");
	size_t published = 0;

	cr_expect(!strcmp(t->name, "interop"));
	cr_expect(t->profile == PROFILE_2018);
	cr_expect(t->vnets.n == 4);
	vec_each(x, &t->expects)
		published += x->kind == EXPECT_PACKETS;
	cr_expect(published == 30, "31 published rows, one of them in a scenario");
	cr_expect(hub->er_gateway == topo_gateway(t, "hub-ergw"));
	cr_expect(hub->vpn_gateway == topo_gateway(t, "hub-vpngw"));
	cr_expect(!strcmp(hub->gateway_subnet->name, "GatewaySubnet"));
	cr_expect(spoke->remote_gateway_of == hub);
	cr_expect(!strcmp(hub->vms.items[0].subnet->name, "default"));
	cr_expect(hub->peerings.items[0].connected && !hub->peerings.items[0].global);
	cr_expect(hub->er_gateway->allow_remote_vnet_traffic, "2018: networks on one circuit can talk");
	cr_expect(topo_gateway(t, "branch-vpngw")->asn == 65516);
	cr_expect(vpn->local_gateway->router == ce1);
	cr_expect(vpn->mtu == 1436 && vpn->dpd_timeout_s == 45);
	cr_expect(ce1->local_pref_er == 200);
	cr_expect(topo_router(t, "loc2-ce2")->advertise.n == 1, "by default the LAN of the site");
	cr_expect(!er1->edge[PATH_PRIMARY].link_down && er1->edge[PATH_SECONDARY].link_down);
	cr_expect(t->latencies.items[0].rtt_ns == 1600000);
	topo_free(t);
}

Test(topo, lookups_of_nothing)
{
	struct topo *t = interop();

	cr_expect_null(topo_vnet(t, "er1"));
	cr_expect_null(topo_gateway(t, "hub"));
	cr_expect_null(topo_circuit(t, ""));
	cr_expect_null(topo_connection(t, "er1"));
	cr_expect_null(topo_site(t, "loc1-ce1"));
	cr_expect_null(topo_router(t, "loc1"));
	cr_expect_not_null(topo_site(t, "loc1"));
	topo_free(t);
	topo_free(NULL);
}

Test(topo, defaults)
{
	char *messages;
	struct topo *t = parse(
		"name: x\nvirtualNetworks: {v: {addressSpace: [10.0.0.0/24], subnets: {s: 10.0.0.0/24}}}\n", &messages);

	cr_assert_not_null(t, "%s", messages);
	cr_expect(t->profile == PROFILE_CURRENT);
	cr_expect(t->icmp_rate == 1000 && t->icmp_burst == 100);
	cr_expect(t->timer_scale == 1);
	topo_free(t);
	free(messages);
}

Test(topo, words_are_case_insensitive)
{
	static const char text[] =
		"name: x\nprofile: CURRENT\nvirtualNetworks:\n"
		"  v: {addressSpace: [10.0.0.0/24], subnets: {GatewaySubnet: 10.0.0.0/27}}\n"
		"virtualNetworkGateways:\n"
		"  g: {virtualNetwork: v, gatewayType: expressroute, sku: ergwscale, ttl: Transparent}\n";
	char *messages;
	struct topo *t = parse(text, &messages);

	cr_assert_not_null(t, "%s", messages);
	cr_expect(t->gateways.items[0].transparent);
	cr_expect(t->gateways.items[0].sku->scalable);
	cr_expect(!gateway_can_fastpath(&t->gateways.items[0]), "two units; FastPath takes ten");
	cr_expect(!t->gateways.items[0].allow_remote_vnet_traffic, "off by default since 2024");
	topo_free(t);
	free(messages);
}

Test(topo, long_and_short_forms_are_the_same)
{
	static const char text[] =
		"name: x\nvirtualNetworks:\n  v:\n    addressSpace: [10.0.0.0/24]\n"
		"    subnets:\n      a: 10.0.0.0/26\n"
		"      b: {addressPrefix: 10.0.0.64/26, icmpErrorCheck: Private, routeTable: r,\n"
		"          addressRanges: [{first: 10.0.0.70, count: 20}]}\n"
		"    virtualMachines: {one: 10.0.0.4, two: {address: 10.0.0.68}}\n"
		"    privateEndpoints: {pe: {address: 10.0.0.69, kind: blob}}\n"
		"routeTables:\n  r: {routes: [{name: d, addressPrefix: 0.0.0.0/0, nextHopType: none}]}\n"
		"  s: {routes: {d: {addressPrefix: 0.0.0.0/1, nextHopType: VirtualAppliance, nextHopIpAddress: "
		"10.0.0.4}}}\n";
	char *messages;
	struct topo *t = parse(text, &messages);
	const struct vnet *v;

	cr_assert_not_null(t, "%s", messages);
	v = &t->vnets.items[0];
	cr_expect(v->subnets.items[0].icmp_check == ICMP_CHECK_VNET_TAG);
	cr_expect(v->subnets.items[1].icmp_check == ICMP_CHECK_PRIVATE);
	cr_expect(v->subnets.items[1].route_table == t->route_tables.items);
	cr_expect(v->subnets.items[1].ranges.items[0].count == 20);
	cr_expect(v->vms.items[1].subnet == &v->subnets.items[1]);
	cr_expect(t->route_tables.items[0].routes.items[0].hop == UDR_NONE);
	cr_expect(!strcmp(t->route_tables.items[0].routes.items[0].name, "d"));
	topo_free(t);
	free(messages);
}

static const char site_head[] = "name: x\nonPremises:\n  s:\n    lan: 10.2.0.0/24\n    switch: {address: 10.2.0.3}\n"
				"    routers:\n";

Test(topo, routers)
{
	char *text, *messages;
	struct topo *t;
	const struct router *r;

	cr_assert(
		asprintf(&text,
			 "%s      a: {asn: 65001, lanInterface: 192.168.0.1/31, prepend: {c: 2, c.primary: 3}, bfd: "
			 "true,\n"
			 "          advertise: [10.2.0.0/24, {first: 10.64.0.0/24, count: 4000}, 0.0.0.0/0], holdTime: "
			 "30}\n"
			 "      b: {asn: 65001, lanInterface: 192.168.0.2/31, prepend: 4, advertise: []}\n"
			 "expressRouteCircuits:\n  c:\n"
			 "    serviceProviderProperties: {peeringLocation: Here, bandwidthInMbps: 50}\n"
			 "    peerings: {AzurePrivatePeering: {peerASN: 65001, vlanId: 1,\n"
			 "      primaryPeerAddressPrefix: 172.16.0.0/30, secondaryPeerAddressPrefix: 172.16.0.4/30}}\n"
			 "    customerEdge: {primary: a, secondary: {router: b, link: UP}}\n",
			 site_head) > 0);
	t = parse(text, &messages);
	cr_assert_not_null(t, "%s", messages);
	r = topo_router(t, "a");
	cr_expect(r->prepends.n == 2 && r->prepends.items[0].path == -1 && r->prepends.items[1].path == PATH_PRIMARY);
	cr_expect(r->prepends.items[1].circuit == t->circuits.items);
	cr_expect(r->advertise.items[1].count == 4000);
	cr_expect(r->bfd && r->hold_time_s == 30);
	r = topo_router(t, "b");
	cr_expect(r->prepends.items[0].circuit == NULL && r->prepends.items[0].times == 4);
	cr_expect(r->advertise.n == 0, "an empty list is a list: nothing is advertised");
	topo_free(t);
	free(text);
	free(messages);
}

Test(topo, same_addresses_where_nothing_joins_them)
{
	char *messages;
	struct topo *t = parse("name: x\nvirtualNetworks:\n"
			       "  a: {addressSpace: [10.0.0.0/16]}\n  b: {addressSpace: [10.0.0.0/16]}\n",
			       &messages);

	cr_expect_not_null(t, "%s", messages);
	cr_expect_str_empty(messages);
	topo_free(t);
	free(messages);
}

Test(topo, sku_table)
{
	cr_expect_not_null(sku_find("ultraperformance", GATEWAY_EXPRESSROUTE));
	cr_expect_null(sku_find("UltraPerformance", GATEWAY_VPN));
	cr_expect(sku_find("ErGw2AZ", GATEWAY_EXPRESSROUTE)->max_circuits == 8);
	cr_expect(sku_find("Standard", GATEWAY_EXPRESSROUTE)->routes == 4000);
	cr_expect(!sku_find("Basic", GATEWAY_VPN)->active_active);
}

Test(topo, file_that_cannot_be_read)
{
	struct diags d = {};
	int err = 0;

	cr_expect_null(topo_read("/nonexistent.yaml", &d, &err));
	cr_expect(err < 0);
	cr_expect(d.list.n == 0);
	cr_expect_null(topo_read("/", &d, &err));
	cr_expect(err < 0);
	diags_free(&d);
}

Test(topo, more_than_a_mebibyte_is_refused)
{
	char *text = malloc(TOPO_MAX_BYTES + 2), *messages;

	memset(text, '#', TOPO_MAX_BYTES + 1);
	text[TOPO_MAX_BYTES + 1] = '\0';
	cr_expect_null(parse(text, &messages));
	cr_expect_str_eq(messages, "t:1:1: the file has more than the 1048576 bytes a topology may have\n");
	free(messages);
	free(text);
}

/* Edits that tests and users make to copies of the shipped file must load. */
Test(topo, counterfactuals_of_interop_load)
{
	static const char *const edits[][2] = {
		{"profile: \"2018\"", "profile: current"},
		{"hashSeed: 0", "hashSeed: 4294967295"},
		{"name: interop", "name: other-lab"},
		{"sku: UltraPerformance", "sku: ErGw3AZ, ttl: transparent"},
		{"asn: 65516", "asn: 64999"},
		{"lanInterface: 192.168.30.0/31", "lanInterface: 192.168.30.1/31"},
		{"default: 10.10.30.0/25", "default: {addressPrefix: 10.10.30.0/25, icmpErrorCheck: any}"},
		{"advertise: [10.2.30.0/25], ", ""},
		{"advertise: [10.2.30.0/25], ", "advertise: [10.2.30.0/25, 192.168.30.0/24], "},
		{"hub-vm: 10.10.30.4", "hub-vm: 10.10.30.77"},
		{", link: down", ""},
		{"expressRouteGatewayBypass: false", "expressRouteGatewayBypass: true"},
		{"virtualNetworkPeerings: {spoke: {allowGatewayTransit: true}}", "virtualNetworkPeerings: {}"},
	};
	char *original = file_text("topologies/interop.yaml");

	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		char *at = strstr(original, edits[i][0]), *text, *messages;
		struct topo *t;

		cr_assert(at, "'%s' is no longer in the file", edits[i][0]);
		cr_assert(asprintf(&text, "%.*s%s%s", (int)(at - original), original, edits[i][1],
				   at + strlen(edits[i][0])) > 0);
		t = parse(text, &messages);
		cr_expect_not_null(t, "with '%s':\n%s", edits[i][1], messages);
		topo_free(t);
		free(text);
		free(messages);
	}
	free(original);
}

struct schema_check {
	const cJSON *schema;
	size_t keys; /* of the parser */
};

static const cJSON *schema_object(const cJSON *schema, const char *name)
{
	if (!strcmp(name, "topology"))
		return schema;
	return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(schema, "$defs"), name);
}

static bool schema_requires(const cJSON *object, const char *key)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, "required")) if (!strcmp(item->valuestring,
												   key)) return true;
	return false;
}

static void key_in_schema(void *arg, const char *object, const char *key, bool required)
{
	struct schema_check *check = arg;
	const cJSON *o = schema_object(check->schema, object);
	const cJSON *properties = cJSON_GetObjectItemCaseSensitive(o, "properties");

	check->keys++;
	cr_expect(cJSON_GetObjectItemCaseSensitive(properties, key), "'%s' of '%s' is not in schema.json", key, object);
	cr_expect(schema_requires(o, key) == required, "'%s' of '%s': required in only one of parser and schema", key,
		  object);
}

static size_t schema_keys(const cJSON *schema)
{
	const cJSON *def;
	size_t n = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(schema, "properties"));

	cJSON_ArrayForEach(def, cJSON_GetObjectItemCaseSensitive(schema, "$defs"))
		n += cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(def, "properties"));
	return n;
}

Test(topo, schema_has_the_keys_of_the_parser)
{
	char *text = file_text("topologies/schema.json");
	struct schema_check check = {.schema = cJSON_Parse(text)};

	cr_assert(check.schema);
	topo_keys(key_in_schema, &check);
	/* One more: the 'name' of a route in a list, which is not a key of the mapping. */
	cr_expect(schema_keys(check.schema) == check.keys + 1, "schema.json has %zu keys, the parser %zu",
		  schema_keys(check.schema), check.keys);
	cJSON_Delete((cJSON *)check.schema);
	free(text);
}

Test(topo, examples_of_the_documentation_load)
{
	char *readme = file_text("topologies/README.md"), *at = readme;
	size_t n = 0;

	cr_assert(readme);
	while ((at = strstr(at, "```yaml\n"))) {
		char *start = at + strlen("```yaml\n"), *end = strstr(start, "```"), *text, *messages;
		struct topo *t;

		text = strndup(start, end - start);
		t = parse(text, &messages);
		cr_expect(t && !*messages, "%s", messages);
		topo_free(t);
		free(messages);
		free(text);
		at = end + 3;
		n++;
	}
	cr_expect(n >= 1);
	free(readme);
}
