/* currency.h - ISO 4217: how many decimals the smallest unit of a currency has. (pure) */
#ifndef METER_CURRENCY_H
#define METER_CURRENCY_H

#include <stdint.h>

#include "buffer.h"

#define CURRENCY_COUNT 170 /* codes known */

/* 0..4, or -1 when it is no code of ISO 4217 (upper case, three letters). */
int32_t meter__currency_exponent(struct slice code);

#endif
