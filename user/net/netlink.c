// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A route netlink socket that sends many requests in one system call. Only the
 * last of them asks for an acknowledgement: the kernel works in order and
 * reports every failure anyway.
 */
#include "net/internal.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NL_OPS	     64
#define NL_OUT	     32768
#define NL_OUT_SPARE 2048  /* room for the largest single request */
#define NL_IN	     65536 /* a dump comes in pieces of at most 32 KiB */
#define NL_RETRIES   10

struct nl_op {
	uint16_t type;
	int harmless;
	char what[192];
};

struct nl {
	struct mnl_socket *socket;
	uint32_t seq; /* of the last request */
	struct nlmsghdr *open;
	size_t used;
	unsigned count;
	struct nl_op ops[NL_OPS];
	int err; /* the first failure since nl_flush() */
	struct error error;
	char out[NL_OUT] __attribute__((aligned(8)));
	char in[NL_IN] __attribute__((aligned(8)));
};

struct nl *nl_open(struct error *error)
{
	struct nl *nl = xcalloc(1, sizeof(*nl));
	int on = 1;

	nl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl->socket || mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		net_fail(error, -errno, "cannot open a netlink socket");
		nl_close(nl);
		return NULL;
	}
	/* Texts of the kernel's own, and errors that do not repeat the request. */
	mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(nl->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	return nl;
}

void nl_close(struct nl *nl)
{
	if (!nl)
		return;
	if (nl->socket)
		mnl_socket_close(nl->socket);
	free(nl);
}

static void fail_all(struct nl *nl, int err, const char *what)
{
	if (!nl->err)
		nl->err = net_fail(&nl->error, err, "%s", what);
}

/* What the kernel says about a failure, NULL when it says nothing. */
static const char *kernel_words(const struct nlmsghdr *msg)
{
	const struct nlmsgerr *failure = mnl_nlmsg_get_payload(msg);
	size_t offset = sizeof(*failure);
	const struct nlattr *attr;

	if (!(msg->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(msg->nlmsg_flags & NLM_F_CAPPED))
		offset += mnl_nlmsg_get_payload_len(&failure->msg);
	mnl_attr_for_each(attr, msg, offset)
	{
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG && !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
			return mnl_attr_get_str(attr);
	}
	return NULL;
}

static const char *missing_feature(uint16_t type, int err)
{
	if (type == RTM_NEWLINK && err == -EOPNOTSUPP)
		return "; the kernel has no veth (CONFIG_VETH, 'modprobe veth')";
	if (type == RTM_NEWQDISC && (err == -EOPNOTSUPP || err == -ENOENT))
		return "; the kernel has no packet schedulers (CONFIG_NET_SCHED)";
	return "";
}

static void take_error(struct nl *nl, const struct nlmsghdr *msg)
{
	const struct nlmsgerr *failure = mnl_nlmsg_get_payload(msg);
	uint32_t place = msg->nlmsg_seq - (nl->seq - nl->count + 1);
	const struct nl_op *op;
	const char *words;

	if (place >= nl->count)
		return;
	op = &nl->ops[place];
	if (!failure->error || -failure->error == op->harmless || nl->err)
		return;
	fail_all(nl, failure->error, op->what);
	words = kernel_words(msg);
	if (words)
		net_append(&nl->error, " (%s)", words);
	net_append(&nl->error, "%s", missing_feature(op->type, failure->error));
}

static void read_acks(struct nl *nl)
{
	for (;;) {
		int left = (int)mnl_socket_recvfrom(nl->socket, nl->in, sizeof(nl->in));
		const struct nlmsghdr *msg = (const void *)nl->in;

		if (left < 0 && errno == EINTR)
			continue;
		if (left < 0) {
			fail_all(nl, -errno, "cannot read netlink acknowledgements");
			return;
		}
		for (; mnl_nlmsg_ok(msg, left); msg = mnl_nlmsg_next(msg, &left)) {
			if (msg->nlmsg_type != NLMSG_ERROR)
				continue;
			take_error(nl, msg);
			if (msg->nlmsg_seq == nl->seq)
				return;
		}
	}
}

static bool send_out(struct nl *nl)
{
	ssize_t sent;

	do {
		sent = mnl_socket_sendto(nl->socket, nl->out, nl->used);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		fail_all(nl, -errno, nl->ops[0].what);
	return sent >= 0;
}

static void send_batch(struct nl *nl)
{
	if (!nl->count)
		return;
	nl->open->nlmsg_flags |= NLM_F_ACK;
	if (send_out(nl))
		read_acks(nl);
	nl->used = 0;
	nl->count = 0;
}

struct nlmsghdr *nl_begin(struct nl *nl, uint16_t type, uint16_t flags)
{
	if (nl->count == NL_OPS || nl->used + NL_OUT_SPARE > NL_OUT)
		send_batch(nl);
	nl->open = mnl_nlmsg_put_header(nl->out + nl->used);
	nl->open->nlmsg_type = type;
	nl->open->nlmsg_flags = NLM_F_REQUEST | flags;
	nl->open->nlmsg_seq = ++nl->seq;
	return nl->open;
}

void nl_end(struct nl *nl, int harmless, const char *format, ...)
{
	struct nl_op *op = &nl->ops[nl->count++];
	va_list args;

	op->type = nl->open->nlmsg_type;
	op->harmless = harmless;
	va_start(args, format);
	vsnprintf(op->what, sizeof(op->what), format, args);
	va_end(args);
	nl->used += MNL_ALIGN(nl->open->nlmsg_len);
}

int nl_flush(struct nl *nl, struct error *error)
{
	int err;

	send_batch(nl);
	err = nl->err;
	if (err && error)
		*error = nl->error;
	nl->err = 0;
	nl->error.text[0] = 0;
	return err;
}

enum reading { READ_MORE, READ_DONE, READ_DISTURBED };

/* One buffer of answers. Returns enum reading or -errno. */
static int read_answers(struct nl *nl, nl_answer fn, void *arg, bool *disturbed)
{
	int left = (int)mnl_socket_recvfrom(nl->socket, nl->in, sizeof(nl->in));
	const struct nlmsghdr *msg = (const void *)nl->in;
	const struct nlmsgerr *failure;
	int err;

	if (left < 0)
		return errno == EINTR ? READ_MORE : -errno;
	for (; mnl_nlmsg_ok(msg, left); msg = mnl_nlmsg_next(msg, &left)) {
		if (msg->nlmsg_seq != nl->seq)
			continue;
		if (msg->nlmsg_flags & NLM_F_DUMP_INTR)
			*disturbed = true;
		if (msg->nlmsg_type == NLMSG_DONE)
			return *disturbed ? READ_DISTURBED : READ_DONE;
		if (msg->nlmsg_type == NLMSG_ERROR) {
			failure = mnl_nlmsg_get_payload(msg);
			return failure->error ? failure->error : READ_DONE;
		}
		err = fn(msg, arg);
		if (err)
			return err;
		if (!(msg->nlmsg_flags & NLM_F_MULTI))
			return READ_DONE;
	}
	return READ_MORE;
}

static int ask_once(struct nl *nl, nl_answer fn, void *arg)
{
	bool disturbed = false;
	int state;

	nl->open->nlmsg_seq = ++nl->seq;
	if (!send_out(nl))
		return nl->err;
	do {
		state = read_answers(nl, fn, arg, &disturbed);
	} while (state == READ_MORE);
	return state;
}

int nl_ask(struct nl *nl, nl_answer fn, void *arg, struct error *error)
{
	int state = READ_DISTURBED;

	nl->used = MNL_ALIGN(nl->open->nlmsg_len);
	snprintf(nl->ops[0].what, sizeof(nl->ops[0].what), "cannot read the state of interfaces");
	for (int i = 0; i < NL_RETRIES && state == READ_DISTURBED; i++) {
		fn(NULL, arg);
		state = ask_once(nl, fn, arg);
	}
	nl->used = 0;
	nl->err = 0;
	if (state == READ_DISTURBED)
		return net_refuse(error, -EAGAIN, "interfaces change faster than they can be listed; try again");
	if (state < 0)
		return net_fail(error, state, "%s", nl->ops[0].what);
	return 0;
}

struct attribute_table {
	const struct nlattr **tb;
	uint16_t max;
};

static int take_attribute(const struct nlattr *attr, void *arg)
{
	struct attribute_table *table = arg;

	if (mnl_attr_get_type(attr) <= table->max)
		table->tb[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

void nl_attributes(const struct nlmsghdr *msg, size_t header, const struct nlattr **tb, uint16_t max)
{
	struct attribute_table table = {tb, max};

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_parse(msg, header, take_attribute, &table);
}

void nl_nested(const struct nlattr *outer, const struct nlattr **tb, uint16_t max)
{
	struct attribute_table table = {tb, max};

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_parse_nested(outer, take_attribute, &table);
}
