// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From what was typed to what is meant: views, and the things of a lab that they are asked about. */
#include <errno.h>
#include <string.h>

#include "obs/view.h"

typedef VEC(const char *) names;

static int no_such(struct error *e, const char *whose, const char *what, const char *name, names *known)
{
	const char *guess;
	int err;

	vec_push(known, NULL);
	guess = did_you_mean(name, known->items);
	if (guess)
		err = error_set(e, -EINVAL, "%s no %s '%s' (did you mean '%s'?)", whose, what, name, guess);
	else if (known->n == 1)
		err = error_set(e, -EINVAL, "%s no %s at all", whose, what);
	else
		err = error_set(e, -EINVAL, "%s no %s '%s'; known: %s%s%s%s", whose, what, name, known->items[0],
				known->n > 2 ? ", " : "", known->n > 2 ? known->items[1] : "",
				known->n > 3 ? ", …" : "");
	vec_free(known);
	return err;
}

const struct view *view_find(const char *name, struct error *e)
{
	const struct view *v = views;
	names known = {};

	while (v->name && strcmp(v->name, name))
		v++;
	if (v->name)
		return v;
	for (v = views; v->name; v++)
		vec_push(&known, v->name);
	no_such(e, "there is", "view", name, &known);
	return NULL;
}

/* --- One kind of argument each ----------------------------------------------------------------------------------- */

static bool find_vm(const struct lab *lab, const char *name, struct view_arg *out)
{
	out->host = fabric_host_as(lab->fabric, name, &out->as);
	return out->host && out->host->vnet;
}

static bool find_any_host(const struct lab *lab, const char *name, struct view_arg *out)
{
	out->host = fabric_host_as(lab->fabric, name, &out->as);
	return out->host;
}

static bool find_circuit(const struct lab *lab, const char *name, struct view_arg *out)
{
	out->circuit = topo_circuit(lab->topo, name);
	return out->circuit;
}

static bool find_gateway(const struct lab *lab, const char *name, struct view_arg *out)
{
	out->gateway = topo_gateway(lab->topo, name);
	return out->gateway;
}

static bool find_router(const struct lab *lab, const char *name, struct view_arg *out)
{
	out->router = topo_router(lab->topo, name);
	return out->router;
}

static bool find_address(const struct lab *lab, const char *name, struct view_arg *out)
{
	const struct host *h = fabric_host_as(lab->fabric, name, &out->as);

	if (h)
		out->addr = h->addr;
	return h || !addr_parse(name, &out->addr);
}

static void name_vms(const struct lab *lab, names *out)
{
	vec_each(h, &lab->fabric->hosts) {
		if (h->vnet)
			vec_push(out, h->name);
	}
}

static void name_hosts(const struct lab *lab, names *out)
{
	vec_each(h, &lab->fabric->hosts)
		vec_push(out, h->name);
}

static void name_circuits(const struct lab *lab, names *out)
{
	vec_each(c, &lab->topo->circuits)
		vec_push(out, c->name);
}

static void name_gateways(const struct lab *lab, names *out)
{
	vec_each(g, &lab->topo->gateways)
		vec_push(out, g->name);
}

static void name_routers(const struct lab *lab, names *out)
{
	vec_each(s, &lab->topo->sites) {
		vec_each(r, &s->routers)
			vec_push(out, r->name);
	}
}

static const struct {
	const char *what;
	bool (*find)(const struct lab *lab, const char *name, struct view_arg *out);
	void (*known)(const struct lab *lab, names *out);
} kinds[] = {
	[ARG_VM] = {"VM", find_vm, name_vms},
	[ARG_HOST] = {"host", find_any_host, name_hosts},
	[ARG_CIRCUIT] = {"circuit", find_circuit, name_circuits},
	[ARG_GATEWAY] = {"virtual network gateway", find_gateway, name_gateways},
	[ARG_ROUTER] = {"router", find_router, name_routers},
	[ARG_ADDRESS] = {"address or host", find_address, name_hosts},
};

static int bind_arg(const struct lab *lab, enum view_arg_kind kind, const char *name, struct view_arg *out,
		    struct error *e)
{
	char whose[128];
	names known = {};

	if (kinds[kind].find(lab, name, out))
		return 0;
	if (kind == ARG_VM && out->host)
		return error_set(
			e, -EINVAL,
			"'%s' is a server, and Azure has no routes for it; 'erxdpctl routes %s' shows what its "
			"switch knows",
			name, name);
	snprintf(whose, sizeof(whose), "lab '%s' has", lab->topo->name);
	kinds[kind].known(lab, &known);
	return no_such(e, whose, kinds[kind].what, name, &known);
}

/* --- Options ----------------------------------------------------------------------------------------------------- */

/* az insists on --path as well; a default would hide which of the two was looked at. */
static int bind_path(const struct view *v, const char *path, struct view_call *out, struct error *e)
{
	static const char *const paths[] = {[PATH_PRIMARY] = "primary", [PATH_SECONDARY] = "secondary"};

	if (!v->takes_path)
		return path ? error_set(e, -EINVAL, "'%s' does not take --path", v->name) : 0;
	if (!path)
		return error_set(e, -EINVAL, "'%s' needs --path primary or --path secondary, as az does", v->name);
	for (int i = 0; i < N_CIRCUIT_PATHS; i++) {
		out->path = i;
		if (!strcmp(path, paths[i]))
			return 0;
	}
	return error_set(e, -EINVAL, "--path takes primary or secondary, not '%s'", path);
}

static int bind_peer(const struct view *v, const char *peer, struct view_call *out, struct error *e)
{
	if (!v->takes_peer)
		return peer ? error_set(e, -EINVAL, "'%s' does not take --peer", v->name) : 0;
	if (!peer)
		return error_set(e, -EINVAL, "'%s' needs --peer ADDRESS; 'erxdpctl show bgp-peers %s' lists them",
				 v->name, out->args[0].gateway->name);
	if (addr_parse(peer, &out->peer))
		return error_set(e, -EINVAL, "--peer takes an address, not '%s'", peer);
	return 0;
}

static int count_args(const struct view *v)
{
	int n = 0;

	while (n < VIEW_MAX_ARGS && v->args[n] != ARG_NONE)
		n++;
	return n;
}

int view_bind(const struct view *v, const struct lab *lab, int argc, char *const *argv, const struct view_options *o,
	      struct view_call *out, struct error *e)
{
	int err = 0;

	*out = (struct view_call){.lab = lab};
	if (argc != count_args(v))
		return error_set(e, -EINVAL, "what is asked for is '%s %s'", v->name, v->usage);
	for (int i = 0; !err && i < argc; i++)
		err = bind_arg(lab, v->args[i], argv[i], &out->args[i], e);
	if (!err)
		err = bind_path(v, o->path, out, e);
	return err ? err : bind_peer(v, o->peer, out, e);
}
