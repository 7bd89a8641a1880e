// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Several processes that write the maps, killed at any point. As long as one is in the
 * middle the generation is odd, so that nothing is remembered; afterwards the next to
 * end makes it even.
 */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dp/internal.h"
#include "twin.h"

#define SOON_MS	 100   /* nobody who may go on waits as long */
#define NEVER_MS 20000 /* nor does anybody on a busy machine */

TestSuite(writers, .init = twin_load_plain, .fini = twin_unload, .timeout = 120);

struct writer {
	pid_t pid;
	int orders, answers;
};

/* 'b'egin, 'e'nd, 'c'apture: what that does to the generation. Answers when it is done. */
static void obey(int orders, int answers)
{
	struct error e = {};
	struct dp *dp;
	char order;

	if (dp_open(twin.name, false, &dp, &e))
		_exit(1);
	while (read(orders, &order, 1) == 1) {
		if (order == 'b' && dp_begin_change(dp, &e))
			_exit(2);
		if (order == 'e')
			dp_end_change(dp);
		if (order == 'c')
			dp_forget_ways(dp);
		if (write(answers, &order, 1) != 1)
			_exit(3);
	}
	_exit(0);
}

static struct writer hire(void)
{
	int orders[2], answers[2];
	struct writer w;

	cr_assert(!pipe(orders) && !pipe(answers));
	w = (struct writer){.pid = fork(), .orders = orders[1], .answers = answers[0]};
	cr_assert_geq(w.pid, 0);
	if (!w.pid) {
		close(orders[1]);
		obey(orders[0], answers[1]);
	}
	close(orders[0]);
	close(answers[1]);
	return w;
}

static void tell(const struct writer *w, char order)
{
	cr_assert_eq(write(w->orders, &order, 1), 1);
}

static bool answers(const struct writer *w, int ms)
{
	struct pollfd p = {.fd = w->answers, .events = POLLIN};
	char order;

	return poll(&p, 1, ms) == 1 && read(w->answers, &order, 1) == 1;
}

static void do_now(const struct writer *w, char order)
{
	tell(w, order);
	cr_assert(answers(w, NEVER_MS), "'%c' is not done", order);
}

static void end_writer(const struct writer *w)
{
	kill(w->pid, SIGKILL);
	waitpid(w->pid, NULL, 0);
	close(w->orders);
	close(w->answers);
}

static bool is_odd(void)
{
	return twin.dp->control->generation & 1;
}

static unsigned others_in_plan(void)
{
	struct dp_changes found;
	struct error e = {};

	cr_assert_eq(dp_apply(twin.dp, twin.lab->image, true, &found, &e), 0, "%s", e.text);
	cr_expect_eq(dp_changes_sum(&found), found.interrupted);
	return found.interrupted;
}

Test(writers, one_waits_for_the_other)
{
	struct writer a = hire(), b = hire();

	do_now(&a, 'b');
	cr_expect(is_odd());
	tell(&b, 'b');
	cr_expect(!answers(&b, SOON_MS), "two in the middle");
	cr_expect(is_odd());
	cr_expect_eq(others_in_plan(), 0, "a writer who lives is no leftover");
	do_now(&a, 'e');
	cr_expect(answers(&b, NEVER_MS));
	cr_expect(is_odd(), "the second is in the middle");
	do_now(&b, 'e');
	cr_expect(!is_odd());
	end_writer(&a);
	end_writer(&b);
}

Test(writers, the_first_is_killed)
{
	struct writer a = hire(), b = hire();

	do_now(&a, 'b');
	tell(&b, 'b');
	end_writer(&a);
	cr_assert(answers(&b, NEVER_MS));
	cr_expect(is_odd(), "the second is in the middle");
	do_now(&b, 'e');
	cr_expect(!is_odd());
	end_writer(&b);
}

Test(writers, the_second_is_killed_while_it_waits)
{
	struct writer a = hire(), b = hire();

	do_now(&a, 'b');
	tell(&b, 'b');
	end_writer(&b);
	cr_expect(is_odd());
	do_now(&a, 'e');
	cr_expect(!is_odd());
	end_writer(&a);
}

Test(writers, both_are_killed_and_the_next_mends_it)
{
	struct writer a = hire(), b = hire();

	do_now(&a, 'b');
	tell(&b, 'b');
	end_writer(&a);
	cr_assert(answers(&b, NEVER_MS));
	end_writer(&b);
	cr_expect(is_odd());
	cr_expect_eq(others_in_plan(), 1, "plan sees it");
	twin_apply_state();
	cr_expect(!is_odd());
	cr_expect_eq(others_in_plan(), 0);
}

/* A capture only has everything decided anew, and has no say in whether somebody writes. */
Test(writers, a_capture_begins_and_ends_meanwhile)
{
	struct writer a = hire(), b = hire();
	uint32_t before = twin.dp->control->generation;

	do_now(&b, 'c');
	cr_expect_eq(twin.dp->control->generation, before + 2);
	do_now(&a, 'b');
	do_now(&b, 'c');
	cr_expect(is_odd());
	end_writer(&a);
	do_now(&b, 'c');
	cr_expect(is_odd());
	twin.dp->control->generation = 0xfffffffe;
	do_now(&b, 'c');
	cr_expect_eq(twin.dp->control->generation, 2);
	end_writer(&b);
}
