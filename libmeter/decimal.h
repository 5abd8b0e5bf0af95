/*
 * decimal.h - exact decimals, and the one place where anything is rounded. (pure)
 *
 * A decimal is coefficient / 10^scale with a 128-bit coefficient: 38 digits. It is kept normal: no zeros at the end of its
 * fraction, so that 1.50 and 1.5 are the same bits and zero has scale 0. Every operation is exact or fails with METER_EOVERFLOW;
 * only meter__decimal_round_quotient() rounds.
 */
#ifndef METER_DECIMAL_H
#define METER_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

struct decimal {
	int128 coefficient;
	int32_t scale; /* 0..DECIMAL_SCALE_MAX */
};

#define DECIMAL_SCALE_MAX 37
#define DECIMAL_TEXT_SIZE 80 /* room for any decimal as text with any number of decimals, NUL included */
#define DECIMAL_ZERO ((struct decimal){0, 0})
#define DECIMAL_ONE ((struct decimal){1, 0})

enum rounding {
	ROUND_HALF_UP,   /* a half goes away from zero */
	ROUND_HALF_EVEN, /* a half goes to the even neighbour */
	ROUND_UP,        /* away from zero */
	ROUND_DOWN,      /* towards zero */
};

struct decimal meter__decimal_from_int(int64_t n);
/* coefficient / 10^scale, made normal; scale 0..DECIMAL_SCALE_MAX. */
struct decimal meter__decimal_of(int64_t coefficient, int32_t scale);

/*
 * Read "-12.50", "7", "0.00000001875": an optional minus, digits, optionally a point and digits. No plus, exponent, blank,
 * leading point, NaN. Leading zeros are fine. METER_OK, METER_EINVAL or METER_EOVERFLOW (over 37 decimals or 38 digits); the
 * message quotes the text and says what was expected.
 */
int meter__decimal_parse(struct decimal *out, const char *text, size_t size);

/* Whether it can be the value of an event: at most 18 decimals, coefficient within int64. */
bool meter__decimal_is_event_value(struct decimal d);

/* The shortest text ("1.5", "-3", "0"); returns its length. */
size_t meter__decimal_format(char out[DECIMAL_TEXT_SIZE], struct decimal d);
/* At least scale decimals: 1.5 at 2 is "1.50". More are printed when d has them. */
size_t meter__decimal_format_fixed(char out[DECIMAL_TEXT_SIZE], struct decimal d, int32_t scale);

int meter__decimal_compare(struct decimal a, struct decimal b); /* <0, 0, >0; exact for all values */
bool meter__decimal_is_zero(struct decimal d);
bool meter__decimal_is_negative(struct decimal d);
struct decimal meter__decimal_negate(struct decimal d);

int meter__decimal_add(struct decimal *out, struct decimal a, struct decimal b);
int meter__decimal_subtract(struct decimal *out, struct decimal a, struct decimal b);
int meter__decimal_multiply(struct decimal *out, struct decimal a, struct decimal b);

/*
 * a * b / divisor, rounded to scale decimals: the only rounding in the library. divisor > 0. METER_OK or METER_EOVERFLOW (the
 * result does not fit into 38 digits, or a * b in lowest terms does not, or a divisor of 38 digits is left).
 */
int meter__decimal_round_quotient(struct decimal *out, struct decimal a, struct decimal b, struct decimal divisor, int32_t scale,
                                  enum rounding mode);

/* a * b / divisor exactly, as text: a decimal ("53.8268"), or a reduced fraction ("100/3") where no decimal is exact. */
int meter__decimal_exact_quotient(struct buffer *out, struct decimal a, struct decimal b, struct decimal divisor);

#endif
