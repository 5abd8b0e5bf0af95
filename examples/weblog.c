/*
 * weblog.c - turns a web server's access log (Apache "combined", also "common") into usage events.
 *
 *     weblog [NAME] <access.log | meter replay -
 *
 * Reads the log on stdin, writes one event a line on stdout: the client address is the subscription, the line number (after
 * NAME and ':' when NAME is given) the id, so that replaying the same log again counts nothing twice. The size is left out
 * where the server wrote "-". Only the fields up to the size are needed; a line that breaks off after them is read all the
 * same. A line that cannot be read is reported on stderr with its number; then the exit status is 3.
 *
 * A sum over a property refuses events without it, so has_bytes says which have a size. A catalog for these events:
 *
 *     version: 1
 *     meters:
 *       requests: {event_type: http.request, aggregation: count, dimensions: [has_bytes]}
 *       bytes: {event_type: http.request, aggregation: sum, value: bytes, filter: {has_bytes: ["true"]}, unit: byte}
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

struct request {
	const char *client;
	int client_size;
	const char *method; /* size 0: the request line had none */
	int method_size;
	const char *status; /* three digits */
	const char *bytes;  /* size 0: "-" */
	int bytes_size;
	char timestamp[sizeof "2015-05-17T10:05:03+00:00"];
};

/* In a pattern 0 stands for a digit, a for a letter, + for a sign, anything else for itself. */
static bool fits(char pattern, char c)
{
	switch (pattern) {
	case '0':
		return isdigit((unsigned char)c) != 0;
	case 'a':
		return isalpha((unsigned char)c) != 0;
	case '+':
		return c == '+' || c == '-';
	default:
		return c == pattern;
	}
}

/* "17/May/2015:10:05:03 +0000" as RFC 3339. Whether that day exists is for libmeter to check. */
static bool read_time(char out[sizeof "2015-05-17T10:05:03+00:00"], const char *text)
{
	static const char pattern[] = "00/aaa/0000:00:00:00 +0000";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (size_t i = 0; pattern[i] != '\0'; i++) {
		if (!fits(pattern[i], text[i]))
			return false;
	}
	for (int month = 0; month < 12; month++) {
		if (memcmp(months + 3 * month, text + 3, 3) != 0)
			continue;
		snprintf(out, sizeof "2015-05-17T10:05:03+00:00", "%.4s-%02d-%.2sT%.8s%.3s:%.2s", text + 7, month + 1, text,
		         text + 12, text + 21, text + 24);
		return true;
	}
	return false;
}

/* The end of a quoted field, where a quote inside it is written \" ; NULL when it breaks off. */
static const char *closing_quote(const char *text)
{
	for (; *text != '"'; text++) {
		if (*text == '\\' && text[1] != '\0')
			text++;
		if (*text == '\0')
			return NULL;
	}
	return text;
}

/* What follows: client identity user [time] "request" status bytes ... */
static bool read_request(struct request *out, const char *line)
{
	const char *at = line;

	while (isgraph((unsigned char)*at) && *at != '"' && *at != '\\')
		at++;
	out->client = line;
	out->client_size = (int)(at - line);
	if (out->client_size == 0 || *at != ' ')
		return false;

	at = strstr(at, " [");
	if (at == NULL || !read_time(out->timestamp, at + 2))
		return false;
	at += 2 + strlen("17/May/2015:10:05:03 +0000");
	if (strncmp(at, "] \"", 3) != 0)
		return false;

	out->method = at + 3;
	out->method_size = (int)strspn(out->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	if (out->method[out->method_size] != ' ')
		out->method_size = 0; /* broken requests have whatever the client sent */
	at = closing_quote(out->method);
	if (at == NULL || at[1] != ' ')
		return false;

	out->status = at + 2;
	if (strspn(out->status, "0123456789") != 3 || out->status[3] != ' ')
		return false;
	out->bytes = out->status + 4;
	out->bytes_size = (int)strspn(out->bytes, "0123456789");
	at = out->bytes + (out->bytes_size == 0 && *out->bytes == '-' ? 1 : out->bytes_size);
	return at > out->bytes && (*at == ' ' || *at == '\0');
}

static void write_event(const struct request *r, const char *name, long long number)
{
	printf("{\"id\":\"%s%s%lld\",\"subscription\":\"%.*s\",\"type\":\"http.request\",\"timestamp\":\"%s\",\"properties\":{"
	       "\"status\":%.3s",
	       name, *name != '\0' ? ":" : "", number, r->client_size, r->client, r->timestamp, r->status);
	if (r->method_size > 0)
		printf(",\"method\":\"%.*s\"", r->method_size, r->method);
	if (r->bytes_size > 0)
		printf(",\"has_bytes\":true,\"bytes\":%.*s}}\n", r->bytes_size, r->bytes);
	else
		puts(",\"has_bytes\":false}}");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	char *line = NULL;
	size_t room = 0;
	long long number = 0, unreadable = 0;
	ssize_t size;

	if (argc > 2 || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != strlen(name) ||
	    *name == '-') {
		fputs("usage: weblog [NAME] <access.log >events.jsonl    (NAME: letters, digits, '.', '_', '-')\n", stderr);
		return 2;
	}
	while ((size = getline(&line, &room, stdin)) >= 0) {
		struct request request;

		number++;
		line[strcspn(line, "\r\n")] = '\0';
		if (size > 0 && read_request(&request, line)) {
			write_event(&request, name, number);
		} else {
			fprintf(stderr, "weblog: line %lld is not in the combined log format\n", number);
			unreadable++;
		}
	}
	free(line);
	if (ferror(stdin) != 0) {
		perror("weblog: standard input");
		return 1;
	}
	if (fclose(stdout) != 0) {
		perror("weblog: standard output");
		return 1;
	}
	return unreadable > 0 ? 3 : 0;
}
