/*
 * import.h - price and plan documents of other products as catalogs. (pure)
 *
 * One reader per vendor (import_stripe.c, import_openmeter.c, import_lago.c) goes through the tree of the document and writes
 * meters and charges through what stands here. The rule of all of them: a field is either carried over with exactly its meaning,
 * or listed as one that only describes, or refused by name. Nothing is dropped in silence, and a key that is not listed is
 * refused.
 *
 * Functions give METER_OK, METER_ENOMEM, METER_ECATALOG (not the document expected), METER_EUNSUPPORTED (its meaning does not
 * carry over) or METER_EOVERFLOW; the message is "name:line:column: ...". What they write fails at the end, when the text is put
 * together.
 */
#ifndef METER_IMPORT_H
#define METER_IMPORT_H

#include "field.h"
#include "meter.h"

/* A text that has been used as a key. */
struct import_key {
	const char *text;
	struct import_key *next;
};

struct import_plan {
	const char *key;
	const char *name; /* NULL: none */
	const char *currency;
	const char *effective_from;
	int32_t exponent;           /* of the currency in ISO 4217: how many decimals amounts are written with */
	struct import_key *charges; /* their keys */
	struct buffer text;         /* the charges */
	struct import_plan *next;
};

struct import {
	struct field_reader r;
	const char *vendor;        /* as messages name it: "Stripe" */
	struct import_key *meters; /* their keys */
	struct buffer meter_text;
	struct import_plan *plans; /* in the order of the document */
};

/* ---- reading ---- */

/* What an object of a document may have. Words are separated by blanks. */
struct import_object {
	const char *what; /* "price" */
	const struct field *fields;
	size_t count;
	const char *ignored; /* fields that change no amount */
	const char *refused; /* fields that may only be there when they say nothing: null, false, 0, or empty */
};

/* Sorts a mapping out: values[i] is the value of fields[i], NULL when it is absent or null. */
int meter__import_object(const struct import *im, const struct yaml_node *node, const struct import_object *object,
                         const struct yaml_node **values);
/* The value of a key; NULL: none, or no mapping. */
const struct yaml_node *meter__import_value(const struct yaml_node *mapping, const char *key);
/* Whether it is this text. node may be NULL. */
bool meter__import_is(const struct yaml_node *node, const char *text);
/* "what" of the vendor does not carry over. */
int meter__import_refuse(const struct import *im, const struct yaml_node *at, const char *what);
/* A key or the name of something; node may be NULL where it is optional, then *out is NULL. */
int meter__import_text(const struct import *im, const struct yaml_node *node, size_t size_max, char **out);
/* A decimal of at least 0; absent (NULL) is 0. */
int meter__import_decimal(const struct import *im, const struct yaml_node *node, struct decimal *out);
/* An amount in the smallest unit of a currency, of which exponent decimals make one. */
int meter__import_minor(const struct import *im, const struct yaml_node *node, int32_t exponent, struct decimal *out);

/* ---- writing ---- */

/* The plan with this key, made when it is new. The texts must live in the arena. currency is a code of ISO 4217. */
int meter__import_plan(struct import *im, const struct yaml_node *at, const char *key, const char *name, const char *currency,
                       struct import_plan **out);

bool meter__import_has_meter(const struct import *im, struct slice key);
/* Begins a meter of a new key: event_type and aggregation, and value unless NULL. */
int meter__import_meter(struct import *im, const struct yaml_node *at, const char *key, const char *event_type,
                        const char *aggregation, const char *value);

struct import_charge {
	const char *key;   /* made unique in its plan */
	const char *name;  /* NULL: none */
	const char *meter; /* NULL: flat */
	const char *model;
};

/* Begins a charge; its other fields follow. */
int meter__import_charge(struct import *im, struct import_plan *plan, const struct import_charge *charge);
void meter__import_put_word(struct import_plan *plan, const char *name, const char *word);
/* A quantity, or with is_money an amount or price. */
void meter__import_put(struct import_plan *plan, const char *name, struct decimal value, bool is_money);

struct import_tier {
	bool has_up_to;
	struct decimal up_to;
	bool has_price; /* or rate */
	struct decimal price;
	struct decimal flat;
};

/* Tiers rise, and the last one is open. */
int meter__import_check_tier(const struct import *im, const struct yaml_node *node, const struct import_tier *tier,
                             const struct import_tier *previous);
void meter__import_put_tier(struct import_plan *plan, const char *price_name, const struct import_tier *tier);

/* ---- vendors ---- */

int meter__import_stripe(struct import *im, const struct yaml_node *root);
int meter__import_openmeter(struct import *im, const struct yaml_node *root);
int meter__import_lago(struct import *im, const struct yaml_node *root);

#endif
