/*
 * fuzz_catalog.c - any bytes as a catalog.
 *
 * A text is read whole or refused with one line that names the text and a position; what was read holds together: everything can
 * be found by its key, and reading the same text again gives the same.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

/* "fuzz:LINE:COLUMN: TEXT" */
static void check_message(int result, const char *message)
{
	require(result == METER_ECATALOG || result == METER_EUNSUPPORTED ||
	        (result == METER_EINVAL && strstr(message, " bytes; ") != NULL));
	require(strncmp(message, "fuzz:", 5) == 0 && strchr(message, '\n') == NULL);
	message += 5;
	for (int part = 0; part < 2; part++) {
		require(*message >= '1' && *message <= '9');
		while (isdigit((unsigned char)*message))
			message++;
		require(*message++ == ':');
	}
	require(message[0] == ' ' && message[1] != '\0');
}

static void check_tiers(const struct charge *charge)
{
	for (size_t i = 0; i < charge->tier_count; i++) {
		require(charge->tiers[i].has_up_to == (i + 1 < charge->tier_count));
		if (i > 0 && charge->tiers[i].has_up_to)
			require(meter__decimal_compare(charge->tiers[i - 1].up_to, charge->tiers[i].up_to) < 0);
	}
}

static void check_charge(const struct charge *charge)
{
	require((charge->meter == NULL) == (charge->model == MODEL_FLAT));
	require(meter__decimal_compare(charge->per, DECIMAL_ZERO) > 0);
	require((charge->tier_count > 0) == (charge->model == MODEL_GRADUATED || charge->model == MODEL_VOLUME ||
	                                     charge->model == MODEL_GRADUATED_PERCENTAGE));
	for (size_t i = 0; i < charge->group_by_count; i++)
		require(charge->group_by[i] < charge->meter->dimension_count);
	require(charge->rate_count == 0 || charge->model == MODEL_UNIT);
	check_tiers(charge);
	for (size_t i = 0; i < charge->rate_count; i++) {
		for (size_t k = 0; k < charge->rates[i].match_count; k++)
			require(charge->rates[i].matches[k].dimension < charge->meter->dimension_count);
	}
}

static void check_catalog(const struct meter_catalog *catalog)
{
	for (size_t i = 0; i < catalog->meter_count; i++)
		require(meter__catalog_meter(catalog, meter__slice_of(catalog->meters[i].key)) == &catalog->meters[i]);
	for (size_t i = 0; i < catalog->plan_count; i++) {
		const struct plan *plan = &catalog->plans[i];
		require(meter__catalog_plan(catalog, meter__slice_of(plan->key), plan->effective_from_us) == plan);
		for (size_t k = 0; k < plan->charge_count; k++)
			check_charge(&plan->charges[k]);
	}
	for (size_t i = 0; i < catalog->subscription_count; i++) {
		const struct subscription *s = &catalog->subscriptions[i];
		require(meter__catalog_subscription(catalog, meter__slice_of(s->key)) == s);
		require(s->plan_count > 0 && s->plans[0].from_us == s->from_us && s->from_us < s->until_us);
		for (size_t k = 0; k < s->plan_count; k++)
			require(meter__catalog_has_plan(catalog, meter__slice_of(s->plans[k].plan)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct meter_catalog *catalog;
	struct meter_catalog *again;

	int result = meter__catalog_read(&catalog, "fuzz", (const char *)data, size);
	if (result != METER_OK) {
		require(catalog == NULL);
		check_message(result, meter_errmsg());
		return 0;
	}
	check_catalog(catalog);
	require(catalog->text_size == size && (size == 0 || memcmp(catalog->text, data, size) == 0));
	require(meter__catalog_read(&again, "fuzz", catalog->text, catalog->text_size) == METER_OK);
	require(again->meter_count == catalog->meter_count);
	for (size_t i = 0; i < catalog->meter_count; i++)
		require(strcmp(catalog->meters[i].canonical, again->meters[i].canonical) == 0);
	meter__catalog_release(again);
	meter__catalog_release(catalog);
	return 0;
}
