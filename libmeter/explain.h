/* explain.h - an explanation in memory, for the files that make and read it. */
#ifndef METER_EXPLAIN_H
#define METER_EXPLAIN_H

#include "behind.h"
#include "invoice.h"

/* A bill with what it was rated by. */
struct explained_bill {
	const struct bill *bill;   /* in the invoice */
	const struct bill *before; /* that an adjustment replaces; NULL */
	size_t line_from, line_to; /* its lines in the invoice */
	int64_t catalog_version;
	struct meter_catalog *catalog;
	struct rate_segment *segments;
	size_t segment_count;
	int64_t held_us;    /* of the period by the subscription, without pauses */
	int64_t ingest_max; /* 0: buckets hold what it saw; else the last transaction it saw */
};

struct explain_step {
	const char *name;
	const char *text;
};

#define EXPLAIN_STEPS_MAX 24

struct explained_event {
	meter_event event;
	const char *value; /* NULL: the meter cannot read it */
	int64_t ingest;
};

struct explained_line {
	size_t index; /* in the invoice */
	const struct invoice_line *line;
	int32_t kind; /* of an adjustment that of the line it adjusts */
	const struct explained_bill *bill;
	const struct rate_segment *segment;
	const struct plan *plan;
	const struct charge *charge;     /* NULL: of the whole plan */
	const struct discount *discount; /* of the plan; NULL */
	const struct grant *grant;       /* NULL */
	int32_t rule_line, rule_end;
	const char *rule;
	const char *plan_hash;
	struct explain_step steps[EXPLAIN_STEPS_MAX];
	size_t step_count;
	size_t *related;
	size_t related_count;
	struct decimal related_sum;
	const char *related_amount; /* the same as text */
	bool has_usage;             /* the line is for usage */
	struct behind usage;
	const char *usage_value, *usage_before, *scope;
	const char **day_values;
	struct explained_event *events;
};

struct meter_explanation {
	meter_invoice *invoice;
	struct explained_bill *bills;
	size_t bill_count;
	struct explained_line *lines;
	size_t line_count;
	struct arena arena;
};

/* The order of evaluation as far as it applies to the line (explain_step.c). METER_OK, METER_EOVERFLOW or METER_ENOMEM. */
int meter__explain_steps(struct meter_explanation *e, struct explained_line *line);

#endif
