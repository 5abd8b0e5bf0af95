/* explain_read.c - reading an explanation. */
#include "explain.h"

static const struct explained_line *line_at(const meter_explanation *e, size_t index)
{
	return e && index < e->line_count ? &e->lines[index] : NULL;
}

/* One that is made of usage. */
static const struct explained_line *usage_at(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	return line && line->has_usage ? line : NULL;
}

static const struct meter_definition *meter_at(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	return line && line->charge ? line->charge->meter : NULL;
}

const meter_invoice *meter_explanation_invoice(const meter_explanation *e)
{
	return e ? e->invoice : NULL;
}

size_t meter_explanation_count(const meter_explanation *e)
{
	return e ? e->line_count : 0;
}

size_t meter_explanation_line(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	return line ? line->index : 0;
}

const char *meter_explanation_plan(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	return line ? line->plan->key : NULL;
}

int64_t meter_explanation_catalog_version(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	return line ? line->bill->catalog_version : 0;
}

const char *meter_explanation_plan_hash(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	return line ? line->plan_hash : NULL;
}

int32_t meter_explanation_rule_line(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	return line ? line->rule_line : 0;
}

int32_t meter_explanation_rule_end(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	return line ? line->rule_end : 0;
}

const char *meter_explanation_rule(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	return line ? line->rule : NULL;
}

const char *meter_explanation_model(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	return line && line->charge ? meter__charge_model_name(line->charge->model) : NULL;
}

const char *meter_explanation_meter(const meter_explanation *e, size_t index)
{
	const struct meter_definition *definition = meter_at(e, index);
	return definition ? definition->key : NULL;
}

const char *meter_explanation_aggregation(const meter_explanation *e, size_t index)
{
	const struct meter_definition *definition = meter_at(e, index);
	return definition ? meter__aggregation_name(definition->aggregation) : NULL;
}

const char *meter_explanation_event_type(const meter_explanation *e, size_t index)
{
	const struct meter_definition *definition = meter_at(e, index);
	return definition ? definition->event_type : NULL;
}

const char *meter_explanation_rounding(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	if (!line)
		return NULL;
	return line->plan->rounding == ROUND_HALF_EVEN ? "half_even" : "half_up";
}

int32_t meter_explanation_decimals(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	return line ? line->plan->exponent : 0;
}

size_t meter_explanation_step_count(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	return line ? line->step_count : 0;
}

const char *meter_explanation_step_name(const meter_explanation *e, size_t index, size_t step)
{
	const struct explained_line *line = line_at(e, index);
	return line && step < line->step_count ? line->steps[step].name : NULL;
}

const char *meter_explanation_step_text(const meter_explanation *e, size_t index, size_t step)
{
	const struct explained_line *line = line_at(e, index);
	return line && step < line->step_count ? line->steps[step].text : NULL;
}

size_t meter_explanation_related_count(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	return line ? line->related_count : 0;
}

size_t meter_explanation_related(const meter_explanation *e, size_t index, size_t at)
{
	const struct explained_line *line = line_at(e, index);
	return line && at < line->related_count ? line->related[at] : 0;
}

const char *meter_explanation_related_amount(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = line_at(e, index);
	return line ? line->related_amount : NULL;
}

const char *meter_explanation_usage(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = usage_at(e, index);
	return line ? line->usage_value : NULL;
}

const char *meter_explanation_usage_before(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = usage_at(e, index);
	return line ? line->usage_before : NULL;
}

const char *meter_explanation_scope(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = usage_at(e, index);
	return line ? line->scope : NULL;
}

int64_t meter_explanation_usage_events(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = usage_at(e, index);
	return line ? line->usage.events : 0;
}

const char *meter_explanation_usage_from(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = usage_at(e, index);
	if (!line)
		return NULL;
	return line->usage.is_from_buckets ? "buckets" : "events";
}

size_t meter_explanation_day_count(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = usage_at(e, index);
	return line ? line->usage.day_count : 0;
}

int64_t meter_explanation_day_from_us(const meter_explanation *e, size_t index, size_t day)
{
	const struct explained_line *line = usage_at(e, index);
	return line && day < line->usage.day_count ? line->usage.days[day].period.from_us : INT64_MIN;
}

const char *meter_explanation_day_value(const meter_explanation *e, size_t index, size_t day)
{
	const struct explained_line *line = usage_at(e, index);
	return line && day < line->usage.day_count ? line->day_values[day] : NULL;
}

int64_t meter_explanation_day_events(const meter_explanation *e, size_t index, size_t day)
{
	const struct explained_line *line = usage_at(e, index);
	return line && day < line->usage.day_count ? line->usage.days[day].sum.events : 0;
}

size_t meter_explanation_event_count(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = usage_at(e, index);
	return line ? line->usage.list_count : 0;
}

const meter_event *meter_explanation_event(const meter_explanation *e, size_t index, size_t event)
{
	const struct explained_line *line = usage_at(e, index);
	return line && event < line->usage.list_count ? &line->events[event].event : NULL;
}

const char *meter_explanation_event_value(const meter_explanation *e, size_t index, size_t event)
{
	const struct explained_line *line = usage_at(e, index);
	return line && event < line->usage.list_count ? line->events[event].value : NULL;
}

int64_t meter_explanation_event_ingest(const meter_explanation *e, size_t index, size_t event)
{
	const struct explained_line *line = usage_at(e, index);
	return line && event < line->usage.list_count ? line->events[event].ingest : 0;
}

const char *meter_explanation_event_order(const meter_explanation *e, size_t index)
{
	static const char *const names[] = {[BEHIND_BY_TIME] = "time",
	                                    [BEHIND_BY_TIME_DOWN] = "last",
	                                    [BEHIND_BY_VALUE] = "smallest",
	                                    [BEHIND_BY_VALUE_DOWN] = "largest"};
	const struct explained_line *line = usage_at(e, index);
	return line ? names[line->usage.order] : NULL;
}

int meter_explanation_event_exact(const meter_explanation *e, size_t index)
{
	const struct explained_line *line = usage_at(e, index);
	return line ? line->usage.is_exact : 0;
}
