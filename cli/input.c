/*
 * input.c - files and stdin, read line by line in bounded memory.
 *
 * A line longer than INPUT_RECORD_MAX is handed out cut and skipped to its end, so no input can make the buffer grow.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Room for the longest line, its line end, and as much again to read into. */
#define BUFFER_SIZE (2 * INPUT_RECORD_MAX)
#define INTERRUPT_MS 200 /* how long Ctrl-C may wait for input that does not come */

int input_open(struct input *in, const char *name)
{
	struct stat status;

	*in = (struct input){.name = name, .fd = STDIN_FILENO, .size = -1};
	if (strcmp(name, "-"))
		in->fd = open(name, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0 || fstat(in->fd, &status)) {
		cli_message("%s: %s", name, strerror(errno));
		input_close(in);
		return EXIT_FAILED;
	}
	if (S_ISREG(status.st_mode))
		in->size = status.st_size;
	in->buffer = cli_allocate(NULL, BUFFER_SIZE, 1);
	return EXIT_DONE;
}

void input_close(struct input *in)
{
	if (in->fd > STDIN_FILENO)
		close(in->fd);
	in->fd = -1;
	free(in->buffer);
	in->buffer = NULL;
}

/*
 * Waits until there is something to read, in steps: a read that waits is not ended by Ctrl-C, since signals are caught so that
 * the library's own calls go on. false: it came.
 */
static bool wait_for_input(const struct input *in)
{
	struct pollfd poll_fd = {.fd = in->fd, .events = POLLIN};
	int count;

	while ((count = poll(&poll_fd, 1, INTERRUPT_MS)) == 0 || (count < 0 && errno == EINTR)) {
		if (progress_is_interrupted())
			return false;
	}
	return true;
}

static bool read_more(struct input *in)
{
	ssize_t size;

	if (in->at_end || in->error || in->end == BUFFER_SIZE)
		return false;
	if (!wait_for_input(in)) {
		in->error = EINTR;
		return false;
	}
	do {
		size = read(in->fd, in->buffer + in->end, BUFFER_SIZE - in->end);
	} while (size < 0 && errno == EINTR);
	if (size < 0)
		in->error = errno;
	else if (!size)
		in->at_end = true;
	else
		in->end += (size_t)size;
	return size > 0;
}

static void skip_byte_order_mark(struct input *in)
{
	while (in->end < 3 && read_more(in))
		;
	if (in->end >= 3 && !memcmp(in->buffer, "\xef\xbb\xbf", 3)) {
		in->end -= 3;
		memmove(in->buffer, in->buffer + 3, in->end);
		in->consumed = 3;
	}
}

void input_rewind(struct input *in)
{
	in->start = 0;
	in->consumed = 0;
	in->line = 0;
}

bool input_fill(struct input *in)
{
	if (!in->consumed && !in->end) {
		skip_byte_order_mark(in);
		return in->end || read_more(in);
	}
	if (in->start) {
		memmove(in->buffer, in->buffer + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	return read_more(in);
}

void input_consume(struct input *in, size_t size)
{
	const char *at = in->buffer + in->start;
	const char *end = at + size;

	while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
		in->line++;
		at++;
	}
	in->start += size;
	in->consumed += size;
}

/* Drops what follows the first INPUT_RECORD_MAX bytes of a line up to its end, and leaves those in the buffer. */
static void skip_long_line(struct input *in)
{
	for (;;) {
		const char *rest = in->buffer + INPUT_RECORD_MAX;
		const char *end = memchr(rest, '\n', in->end - INPUT_RECORD_MAX);
		if (end) {
			in->start = (size_t)(end - in->buffer) + 1;
			in->consumed += in->start;
			return;
		}
		in->consumed += in->end - INPUT_RECORD_MAX;
		in->end = INPUT_RECORD_MAX;
		if (!read_more(in)) {
			in->consumed += INPUT_RECORD_MAX;
			in->start = in->end;
			return;
		}
	}
}

enum input_result input_line(struct input *in, const char **text_out, size_t *size_out)
{
	size_t scanned = 0;

	for (;;) {
		const char *text = in->buffer + in->start;
		size_t left = in->end - in->start;
		const char *end = left > scanned ? memchr(text + scanned, '\n', left - scanned) : NULL;
		size_t size = end ? (size_t)(end - text) : left;
		if (size > INPUT_RECORD_MAX) {
			memmove(in->buffer, text, left);
			in->start = 0;
			in->end = left;
			skip_long_line(in);
			in->line++;
			*text_out = in->buffer;
			*size_out = INPUT_RECORD_MAX;
			return INPUT_TOO_LONG;
		}
		scanned = left;
		if (!end && input_fill(in))
			continue;
		if (!end && in->error)
			return INPUT_FAILED;
		if (!left)
			return INPUT_END;
		text = in->buffer + in->start;
		in->start += size + (end ? 1 : 0);
		in->consumed += size + (end ? 1 : 0);
		in->line++;
		*text_out = text;
		*size_out = size && text[size - 1] == '\r' ? size - 1 : size;
		return INPUT_RECORD;
	}
}

int input_read_all(struct text *out, const char *name, size_t size_max)
{
	struct input in;

	*out = (struct text){0};
	if (input_open(&in, name) != EXIT_DONE)
		return EXIT_FAILED;
	while (out->size <= size_max && read_more(&in)) {
		text_add(out, in.buffer, in.end);
		in.end = 0;
	}
	int error = in.error;
	input_close(&in);
	if (!error && out->size <= size_max)
		return EXIT_DONE;
	if (error)
		cli_message("%s: %s", name, strerror(error));
	else
		cli_message("%s: more than %zu bytes", name, size_max);
	text_free(out);
	return EXIT_FAILED;
}
