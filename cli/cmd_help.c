/* cmd_help.c - meter help: about a verb, or about the files the command reads. */
#include "cli.h"

#include <string.h>

static const char catalog_topic[] =
	"A catalog is one YAML file: meters say what is counted, plans what it costs, subscriptions who has which plan.\n"
	"\n"
	"  version: 1\n"
	"  meters:\n"
	"    calls: {event_type: api.call, aggregation: count}\n"
	"    tokens: {event_type: llm.call, aggregation: sum, value: tokens, dimensions: [model, kind]}\n"
	"  plans:\n"
	"    - key: api-pro\n"
	"      currency: USD\n"
	"      period: month\n"
	"      effective_from: 2026-01-01T00:00:00Z\n"
	"      charges:\n"
	"        - {key: base, model: flat, amount: \"49.00\", proration: time}\n"
	"        - key: calls\n"
	"          meter: calls\n"
	"          model: graduated\n"
	"          included: 100000\n"
	"          per: 1000\n"
	"          tiers: [{up_to: 1000000, price: \"0.50\"}, {price: \"0.40\"}]\n"
	"        - key: tokens\n"
	"          meter: tokens\n"
	"          model: unit\n"
	"          per: 1000000\n"
	"          rates:\n"
	"            - {match: {model: large-1, kind: input}, price: \"3.00\"}\n"
	"            - {match: {model: large-1, kind: output}, price: \"15.00\"}\n"
	"          unmatched: suspend\n"
	"  subscriptions:\n"
	"    acme: {customer: Acme Inc., plan: api-pro, from: 2026-01-15T00:00:00Z}\n"
	"\n"
	"meter           key: {...}; all but event_type and aggregation may be left out\n"
	"  event_type    the type of the events it counts\n"
	"  aggregation   count, sum, min, max, latest; avg; unique_count: distinct values of property value; time_weighted: a\n"
	"                value that holds until the next one, times seconds (per: 3600 prices an hour)\n"
	"  value         the property to aggregate; else the event's own value\n"
	"  dimensions    [property, ...] to group and price by\n"
	"  filter        {property: [allowed value, ...]}; all must hold\n"
	"  unit          what one of it is called; unit_code: a code for it, for whoever reads the catalog\n"
	"\n"
	"plan            rounding and what follows may be left out\n"
	"  key           several plans with one key are its versions: effective_from decides\n"
	"  currency      ISO 4217, decides the decimals of amounts; or a unit of\n"
	"                units: {credits: {exponent: 6, price: 0.01, currency: USD}}; price and currency only if it is worth "
	"something\n"
	"  period        day, week, month, quarter or year, of the subscription's calendar\n"
	"  effective_from, charges\n"
	"  rounding      half_up (default) or half_even; once per line\n"
	"  grace         12h, 2d: how long after the end of a period events still join its invoice; default 0\n"
	"  late_usage    next_invoice (default), or credit_note: a document of its own\n"
	"  invoice_prefix, credit_note_prefix   what numbers begin with, not ending in a digit; default INV- and CN-\n"
	"  name, minimum, maximum, discounts, credits, commitments\n"
	"\n";

static const char charge_topic[] =
	"charge          {key, meter, model, ...}\n"
	"  model         flat        amount, no meter\n"
	"                unit        price, or rates by dimension\n"
	"                graduated   tiers: each prices what lies within it\n"
	"                volume      tiers: the one that is reached prices everything\n"
	"                package     price for every per units begun\n"
	"                percentage  rate in percent of the value, per_event besides; free_units, free_events (the first ones),\n"
	"                            event_minimum, event_maximum: of what one event costs\n"
	"                graduated_percentage   tiers with rate instead of price\n"
	"                dynamic     the value is the amount, times multiplier\n"
	"  convert       {divide_by} or {multiply_by} the quantity, then\n"
	"  round         {to: x, mode: up | down | half_up}\n"
	"  group_by      [dimension, ...]: tiers, included and packages of each combination on its own\n"
	"  included      units that are free, taken off before the tiers\n"
	"  per           prices are for so many units; default 1\n"
	"  tiers         {up_to, price, flat}; up_to lies within its tier, the last tier has none.\n"
	"                flat_at_zero: true makes the first flat due at 0 units\n"
	"  rates         {match: {dimension: value}, price}; the first match wins\n"
	"  unmatched     suspend (default: shown without an amount), free, or {price: ...}\n"
	"  tax           {category, percent}; rounded once a category, over what the charges really cost\n"
	"  proration     time: what is stated per period (amount, included, tiers, limits) counts for the time the plan is "
	"held;\n"
	"                none (default): for the whole period, divided if the plan or its price changes within it\n"
	"  bill          in_advance or in_arrears: when a flat amount is due; changes no amount\n"
	"  name, minimum, maximum, discounts\n"
	"\n"
	"discount        {percent, amount or units, from, until, reason}; of a plan also applies_to: [charge, ...], but no "
	"units.\n"
	"                In their order, each on what the ones before have left\n"
	"  from, until   the instant at which a period begins (or the subscription, within it) decides: from it on and before\n"
	"                until the discount counts for the whole period, else for nothing of it. A period in which the plan, "
	"its\n"
	"                version or the trial changes is rated in parts: there the beginning of each part decides for that part\n"
	"\n";

static const char grant_topic[] =
	"credit          of a plan: {key, amount, kind, from, until, priority, applies_to}; money that pays what is due\n"
	"  amount        in all, not per period: what was used of a key is remembered\n"
	"  kind          gift (default) or payment; only the text of the line differs\n"
	"  from, until   one instant in common is enough: in every period that ends after from and begins before until it pays\n"
	"                for the whole period, also for what was used before from or after until. Then what is left is lost\n"
	"  priority      a whole number, default 0: the least pays first, then what has the earliest until, then by key\n"
	"  applies_to    [charge, ...]: pays what these cost, without tax; else the total with tax\n"
	"\n"
	"commitment      of a plan: {key, kind, amount, from, until, priority, applies_to, rollover}; from and until are "
	"needed\n"
	"  kind          prepaid     bought whole in the first period that ends after from and begins before until: a line of\n"
	"                            its total, without tax. Then it pays as a credit does, but for nothing bought ahead;\n"
	"                            rollover: true lets what is left pay after until, too\n"
	"                postpaid    promised: what charges come to (discounts and limits taken, no tax) counts in every period "
	"that\n"
	"                            ends after from and begins before until, whole; the period that holds the last instant\n"
	"                            before until has a line for what is missing\n"
	"                Credits and commitments of a period are those of the plan that is held at its end.\n"
	"\n"
	"subscription    key: {customer, plan, from, until}; plan may be a list of {plan, from}\n"
	"  timezone      of IANA, like Europe/Berlin: its midnights are where days and periods begin; default UTC\n"
	"  anchor        calendar (default), or anniversary: periods begin on the day that from lies on\n"
	"  trial_until   what is used before costs nothing\n"
	"  pauses        [{from, until}]: time for which nothing per period is due; usage is billed all the same\n"
	"\n"
	"Prices are decimals, quoted or not, and read digit by digit. Unknown and repeated keys, anchors and tags are errors.\n"
	"meter check CATALOG.yaml checks a catalog.\n";

static const char formats_topic[] =
	"JSON Lines, one event a line:\n"
	"\n"
	"  {\"id\":\"req-17\",\"subscription\":\"acme\",\"type\":\"llm.call\",\"timestamp\":\"2026-01-31T23:59:59.123Z\",\n"
	"   \"value\":\"1.5\",\"properties\":{\"model\":\"large-1\",\"tokens\":120},\"source\":\"gw-1\",\"sequence\":42}\n"
	"\n"
	"  id, subscription, type and timestamp are required. value is 1 when absent. An event is known by subscription,\n"
	"  timestamp and id together: the same three with the same type, value and properties are a duplicate, with others\n"
	"  a conflict.\n"
	"\n"
	"CloudEvents 1.0 as JSON, one a line: subject is the subscription, time the timestamp, data the properties, source and\n"
	"id together the id.\n"
	"\n"
	"CSV with a header: columns carry the names of the fields above, other columns are properties under their own name.\n"
	"An empty cell means that the field is absent.\n"
	"\n"
	"  --map FIELD=COLUMN        the field comes from this column\n"
	"  --map FIELD=:CONSTANT     the field is the same for every row\n"
	"  --map FIELD=#line         the field is the number of the row's line; the header is line 1\n"
	"\n"
	"  FIELD is subscription, id, type, timestamp, value, source, sequence or properties.NAME. Several are separated by\n"
	"  commas, or --map is repeated. Once there is a properties.NAME, only those become properties.\n"
	"\n"
	"    meter replay requests.csv --time utc \\\n"
	"      --map subscription=:acme,id=#line,type=:llm.call,timestamp=TIMESTAMP \\\n"
	"      --map properties.input=ContextTokens,properties.output=GeneratedTokens\n"
	"\n"
	"An event with the properties meter.id and meter.timestamp takes back the event of its subscription with this id and\n"
	"timestamp, and stands in its place; with the type meter.retract nothing does. Nothing is deleted: what is taken back\n"
	"counts nowhere.\n"
	"\n"
	"Times\n"
	"\n"
	"  --time rfc3339   2026-01-31T23:59:59.123Z or with any offset (default)\n"
	"  --time utc       the same; a time without an offset is UTC\n"
	"  --time s|ms|us|ns   a number since 1970-01-01 UTC\n"
	"\n"
	"Lines may end with LF or CRLF and be 1 MiB long; a byte order mark at the start of a file is skipped.\n";

/* In parts, because compilers need not take a longer text in one. */
static const struct topic {
	const char *name;
	const char *parts[3];
} topics[] = {{"catalog", {catalog_topic, charge_topic, grant_topic}}, {"formats", {formats_topic, "", ""}}};

static const struct topic *find_topic(const char *name)
{
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
		if (!strcmp(name, topics[i].name))
			return &topics[i];
	}
	return NULL;
}

static int run(const struct arguments *arguments)
{
	const char *name = arguments->operand_count ? arguments->operands[0] : NULL;

	if (!name) {
		opt_print_usage(stdout);
		return EXIT_DONE;
	}
	const struct topic *topic = find_topic(name);
	for (size_t i = 0; topic && i < sizeof(topic->parts) / sizeof(topic->parts[0]); i++)
		out_write(topic->parts[i], strlen(topic->parts[i]));
	if (topic)
		return EXIT_DONE;
	const struct verb *verb = cli_verb_find(name);
	if (verb)
		opt_print_help(stdout, verb);
	else
		return cli_usage_error(NULL, "no help about \"%s\"", name);
	return EXIT_DONE;
}

const struct verb verb_help = {
	.name = "help",
	.operands = "[VERB | catalog | formats]",
	.summary = "explain a verb, the catalog or the event formats",
	.operand_max = 1,
	.has_no_database = true,
	.has_no_format = true,
	.run = run,
};
