// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * FastPath switches on loan. Who measures with FastPath off and on borrows the
 * switches: nobody else moves them meanwhile, and they go back to where they
 * were when the borrower says so or its connection ends, whatever has ended it.
 * A loan is part of the lab's state before the first switch moves, so that it is
 * not lost with this controller either: the next one ends it when it begins.
 */
#include <errno.h>

#include "daemon/controller.h"

int loan_begin(struct controller *c, const struct asker *asker, const index_list *connections, struct error *e)
{
	int err;

	if (c->borrower)
		return error_set(
			e, -EBUSY,
			"FastPath of lab '%s' is lent to process %d, which measures with it ('erxdpctl compare'); "
			"try again when it has ended",
			c->name, c->borrower_pid);
	/* Of a borrower who has gone, and which could not be put back yet: what it left is nobody's wish. */
	if (lab_has_loans(c->lab))
		loan_end(c);
	vec_each(at, connections)
		c->lab->loans[*at] = (struct loan){.lent = true, .was_on = c->lab->fastpath[*at]};
	err = lab_save_state(c->lab, e);
	if (err) {
		lab_end_loans(c->lab);
		return err;
	}
	c->borrower = asker->who;
	c->borrower_pid = asker->pid;
	vec_each(at, connections) {
		const char *name = c->lab->topo->connections.items[*at].name;

		event(c, "fastpath", name, NULL, "%s: the switch of FastPath is lent to process %d", name, asker->pid);
	}
	return 0;
}

int loan_check(const struct controller *c, size_t connection, struct error *e)
{
	if (!c->lab->loans[connection].lent)
		return 0;
	return error_set(
		e, -EBUSY,
		"FastPath of '%s' is lent to process %d, which measures with it ('erxdpctl compare') and puts it "
		"back when it ends; wait for that, or end it",
		c->lab->topo->connections.items[connection].name, c->borrower_pid);
}

int loan_check_borrower(const struct controller *c, const struct asker *asker, struct error *e)
{
	if (c->borrower == asker->who)
		return 0;
	return error_set(e, -ESTALE, "no switch of lab '%s' is lent to you; a loan ends when the lab is loaded anew",
			 c->name);
}

void loan_end(struct controller *c)
{
	c->borrower = NULL;
	vec_each(conn, &c->lab->topo->connections) {
		const struct loan *loan = &c->lab->loans[conn - c->lab->topo->connections.items];

		if (loan->lent)
			event(c, "fastpath", conn->name, NULL, "%s: FastPath is %s again, as before the loan",
			      conn->name, loan->was_on ? "on" : "off");
	}
	lab_end_loans(c->lab);
}

void loan_client_gone(struct controller *c, const void *who)
{
	if (c->borrower != who)
		return;
	c->borrower = NULL;
	follow_noticed(c);
}
