/*
 * progress.c - one line on stderr that says how far a long run is, with rate and time left.
 *
 * Shown only on a terminal, so a log or a pipe never sees it; drawn at most ten times a second and gone at the end.
 */
#include "cli.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_MS 100

int64_t progress_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void progress_begin(struct progress *p, const char *unit)
{
	*p = (struct progress){.unit = unit, .is_shown = isatty(STDERR_FILENO), .started_ms = progress_now_ms()};
	p->drawn_ms = p->started_ms;
}

void progress_update(struct progress *p, int64_t count, int64_t done, int64_t total)
{
	char line[128];

	if (!p->is_shown)
		return;
	int64_t now_ms = progress_now_ms();
	if (now_ms - p->drawn_ms < REDRAW_MS)
		return;
	int64_t elapsed_ms = now_ms - p->started_ms;
	int size = snprintf(line, sizeof(line), "%lld %s, %lld a second", (long long)count, p->unit,
	                    (long long)(count / elapsed_ms * 1000 + count % elapsed_ms * 1000 / elapsed_ms));
	if (total > 0 && done > 0 && done <= total) {
		/* By the permille: bytes times milliseconds would overflow within a long run. */
		int64_t permille = done / (total / 1000 + 1);
		int64_t left_s = permille ? elapsed_ms * (1000 - permille) / permille / 1000 : 0;
		size += snprintf(line + size, sizeof(line) - (size_t)size, ", %lld %%, %lld:%02lld left",
		                 (long long)permille / 10, (long long)left_s / 60, (long long)left_s % 60);
	}
	fprintf(stderr, "\r%-*s", p->width, line);
	p->width = size;
	p->is_drawn = true;
	p->drawn_ms = now_ms;
}

void progress_clear(struct progress *p)
{
	if (p->is_drawn)
		fprintf(stderr, "\r%*s\r", p->width, "");
	p->is_drawn = false;
}

static volatile sig_atomic_t is_interrupted;

static void interrupt(int signal_number)
{
	(void)signal_number;
	is_interrupted = 1;
}

void progress_catch_interrupt(void)
{
	struct sigaction action = {.sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND | SA_RESTART};

	sigaction(SIGINT, &action, NULL);
}

bool progress_is_interrupted(void)
{
	return is_interrupted;
}

int progress_show(int64_t done, int64_t total, void *user)
{
	progress_update(user, done, done, total);
	return is_interrupted;
}
