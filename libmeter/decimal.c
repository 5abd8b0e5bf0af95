/*
 * decimal.c - exact arithmetic on decimals of up to 38 digits. (pure)
 *
 * Inside, a number is a sign and a magnitude below 10^38, so that nothing here depends on how far the negative side of a machine
 * integer reaches. Everything that leaves through make() is normal and in range. add, subtract, multiply and compare are exact
 * for all inputs: they fail only when the result itself does not fit. Quotients are first brought to lowest terms;
 * is_rounded_up() is the only place that decides which way something is rounded.
 */
#include "decimal.h"

#include <assert.h>
#include <string.h>

#include "error.h"

#define DIGITS_MAX 38
#define POWER_19 UINT64_C(10000000000000000000)
#define MAGNITUDE_END ((uint128)POWER_19 * POWER_19) /* 10^38 */

struct magnitude {
	bool is_negative;
	uint128 n;
};

/* 10^exponent; exponent 0..DIGITS_MAX. */
static uint128 power_of_ten(int32_t exponent)
{
	uint128 power = 1;

	assert(exponent >= 0 && exponent <= DIGITS_MAX);
	for (int32_t i = 0; i < exponent; i++)
		power *= 10;
	return power;
}

/* n x 10^exponent; false when it does not fit into 128 bits. */
static bool scale_up(uint128 *n, int32_t exponent)
{
	if (*n == 0)
		return true;
	return exponent <= DIGITS_MAX && !__builtin_mul_overflow(*n, power_of_ten(exponent), n);
}

static struct magnitude split(struct decimal d)
{
	struct magnitude m = {d.coefficient < 0, (uint128)d.coefficient};

	assert(d.scale >= 0 && d.scale <= DECIMAL_SCALE_MAX);
	if (m.is_negative)
		m.n = 0 - m.n;
	return m;
}

static int overflow(void)
{
	return meter__fail(METER_EOVERFLOW, "a result does not fit into 38 digits, 37 of them after the point");
}

/* The normal form of n / 10^scale; false when it is out of range. */
static bool make(struct decimal *out, bool is_negative, uint128 n, int32_t scale)
{
	while (scale > 0 && n % 10 == 0) {
		n /= 10;
		scale--;
	}
	if (scale > DECIMAL_SCALE_MAX || n >= MAGNITUDE_END)
		return false;
	out->coefficient = is_negative ? -(int128)n : (int128)n;
	out->scale = scale;
	return true;
}

struct decimal meter__decimal_of(int64_t coefficient, int32_t scale)
{
	while (scale > 0 && coefficient % 10 == 0) {
		coefficient /= 10;
		scale--;
	}
	return (struct decimal){coefficient, scale};
}

struct decimal meter__decimal_from_int(int64_t n)
{
	struct decimal d = {n, 0};

	return d;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static uint64_t digit_value(char c)
{
	return (uint64_t)(c - '0');
}

static size_t skip_digits(const char *text, size_t size, size_t at)
{
	while (at < size && is_digit(text[at]))
		at++;
	return at;
}

int meter__decimal_parse(struct decimal *out, const char *text, size_t size)
{
	size_t start = size > 0 && text[0] == '-' ? 1 : 0;
	size_t point = skip_digits(text, size, start);
	size_t fraction = point;
	size_t end = point;
	uint128 n = 0;

	if (point < size && text[point] == '.') {
		fraction = point + 1;
		end = skip_digits(text, size, fraction);
	}
	if (point == start || end != size || (fraction > point && end == fraction))
		return meter__fail_value(METER_EINVAL, text, size, "a decimal was expected, like -12.50");

	/* Without the zeros at either end the digits can be counted before they are read. */
	while (start < point && text[start] == '0')
		start++;
	while (end > fraction && text[end - 1] == '0')
		end--;
	if (end - fraction > DECIMAL_SCALE_MAX || (point - start) + (end - fraction) > DIGITS_MAX)
		return meter__fail_value(METER_EOVERFLOW, text, size,
		                         "at most 38 digits, 37 of them after the point, were expected");
	for (size_t i = start; i < end; i++)
		if (i != point)
			n = n * 10 + digit_value(text[i]);
	return make(out, text[0] == '-', n, (int32_t)(end - fraction)) ? METER_OK : overflow();
}

bool meter__decimal_is_event_value(struct decimal d)
{
	return d.scale <= 18 && d.coefficient >= INT64_MIN && d.coefficient <= INT64_MAX;
}

/* The digits of n, at least count of them, ending before end. Returns where they start. */
static char *put_digits(char *end, uint128 n, int32_t count)
{
	while (n > 0) {
		uint64_t part = (uint64_t)(n % POWER_19); /* in parts of 19 digits, because 128-bit division is slow */

		n /= POWER_19;
		for (int i = 0; i < 19 && (n > 0 || part > 0); i++) {
			*--end = (char)('0' + part % 10);
			part /= 10;
			count--;
		}
	}
	while (count-- > 0)
		*--end = '0';
	return end;
}

size_t meter__decimal_format_fixed(char out[DECIMAL_TEXT_SIZE], struct decimal d, int32_t scale)
{
	char digits[DECIMAL_TEXT_SIZE];
	char *end = digits + sizeof(digits);
	struct magnitude m = split(d);
	char *start = put_digits(end, m.n, d.scale + 1);
	size_t whole_size = (size_t)(end - start - d.scale);
	char *at = out;

	assert(scale >= 0 && scale <= DECIMAL_SCALE_MAX);
	if (m.is_negative)
		*at++ = '-';
	memcpy(at, start, whole_size);
	at += whole_size;
	if (d.scale > 0 || scale > 0)
		*at++ = '.';
	memcpy(at, start + whole_size, (size_t)d.scale);
	at += d.scale;
	for (int32_t i = d.scale; i < scale; i++)
		*at++ = '0';
	*at = '\0';
	return (size_t)(at - out);
}

size_t meter__decimal_format(char out[DECIMAL_TEXT_SIZE], struct decimal d)
{
	return meter__decimal_format_fixed(out, d, 0);
}

/* The order of a / 10^a_scale and b / 10^b_scale. What passes 128 bits when brought to the other's scale is the larger one. */
static int compare_magnitudes(uint128 a, int32_t a_scale, uint128 b, int32_t b_scale)
{
	if (a_scale < b_scale && !scale_up(&a, b_scale - a_scale))
		return 1;
	if (b_scale < a_scale && !scale_up(&b, a_scale - b_scale))
		return -1;
	return (a > b) - (a < b);
}

int meter__decimal_compare(struct decimal a, struct decimal b)
{
	struct magnitude ma = split(a);
	struct magnitude mb = split(b);

	if (ma.is_negative != mb.is_negative)
		return ma.is_negative ? -1 : 1;
	return ma.is_negative ? compare_magnitudes(mb.n, b.scale, ma.n, a.scale)
	                      : compare_magnitudes(ma.n, a.scale, mb.n, b.scale);
}

bool meter__decimal_is_zero(struct decimal d)
{
	return d.coefficient == 0;
}

bool meter__decimal_is_negative(struct decimal d)
{
	return d.coefficient < 0;
}

struct decimal meter__decimal_negate(struct decimal d)
{
	struct decimal negated = {-d.coefficient, d.scale};

	return negated;
}

/*
 * Magnitudes leave one bit of room above 10^38. A number that does not fit when brought to the common scale is above 3.4 x 10^38
 * there, and the other one, below 10^38, cannot bring it back into range: failing is right even with opposite signs.
 */
int meter__decimal_add(struct decimal *out, struct decimal a, struct decimal b)
{
	int32_t scale = a.scale > b.scale ? a.scale : b.scale;
	struct magnitude ma = split(a);
	struct magnitude mb = split(b);
	bool is_negative = ma.is_negative;
	uint128 n;

	if (!scale_up(&ma.n, scale - a.scale) || !scale_up(&mb.n, scale - b.scale))
		return overflow();
	if (ma.is_negative == mb.is_negative) {
		if (__builtin_add_overflow(ma.n, mb.n, &n))
			return overflow();
	} else if (ma.n >= mb.n) {
		n = ma.n - mb.n;
	} else {
		n = mb.n - ma.n;
		is_negative = mb.is_negative;
	}
	return make(out, is_negative, n, scale) ? METER_OK : overflow();
}

int meter__decimal_subtract(struct decimal *out, struct decimal a, struct decimal b)
{
	return meter__decimal_add(out, a, meter__decimal_negate(b));
}

/* Take out of a x b / 10^scale every factor of ten, before the product is formed: what then overflows does not fit at all. */
static void cancel_tens(uint128 *a, uint128 *b, int32_t *scale)
{
	while (*scale > 0) {
		uint128 *two = *a % 2 == 0 ? a : b;
		uint128 *five = *a % 5 == 0 ? a : b;

		if (*two % 2 != 0 || *five % 5 != 0)
			return;
		*two /= 2;
		*five /= 5;
		--*scale;
	}
}

int meter__decimal_multiply(struct decimal *out, struct decimal a, struct decimal b)
{
	struct magnitude ma = split(a);
	struct magnitude mb = split(b);
	int32_t scale = a.scale + b.scale;
	uint128 n;

	cancel_tens(&ma.n, &mb.n, &scale);
	if (__builtin_mul_overflow(ma.n, mb.n, &n) || !make(out, ma.is_negative != mb.is_negative, n, scale))
		return overflow();
	return METER_OK;
}

static uint128 greatest_common_divisor(uint128 a, uint128 b)
{
	while (b != 0) {
		uint128 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static void cancel_common(uint128 *a, uint128 *b)
{
	uint128 common = greatest_common_divisor(*a, *b);

	*a /= common;
	*b /= common;
}

/* numerator / divisor x 10^exponent. The two have no common factor, nor any factor of ten that the exponent could take. */
struct quotient {
	bool is_negative;
	uint128 numerator;
	uint128 divisor;
	int32_t exponent;
};

static int make_quotient(struct quotient *q, struct decimal a, struct decimal b, struct decimal divisor)
{
	struct magnitude ma = split(a);
	struct magnitude mb = split(b);
	int32_t scale = a.scale + b.scale;

	assert(divisor.coefficient > 0);
	q->is_negative = ma.is_negative != mb.is_negative;
	q->divisor = split(divisor).n;
	cancel_common(&ma.n, &q->divisor);
	cancel_common(&mb.n, &q->divisor);
	cancel_tens(&ma.n, &mb.n, &scale);
	q->exponent = divisor.scale - scale;
	while (q->divisor % 10 == 0) {
		q->divisor /= 10;
		q->exponent--;
	}
	if (__builtin_mul_overflow(ma.n, mb.n, &q->numerator))
		return overflow();
	return METER_OK;
}

/* Where the exact value lies between the two neighbours it is rounded to. */
enum position { POSITION_EXACT, POSITION_BELOW_HALF, POSITION_HALF, POSITION_ABOVE_HALF };

/* The position of part / whole, part < whole. */
static enum position position_of(uint128 part, uint128 whole)
{
	uint128 other = whole - part;

	if (part == 0)
		return POSITION_EXACT;
	return part < other ? POSITION_BELOW_HALF : part == other ? POSITION_HALF : POSITION_ABOVE_HALF;
}

/* Whether the magnitude is rounded up to the next one. */
static bool is_rounded_up(enum position position, bool is_odd, enum rounding mode)
{
	switch (mode) {
	case ROUND_HALF_UP:
		return position >= POSITION_HALF;
	case ROUND_HALF_EVEN:
		return position == POSITION_ABOVE_HALF || (position == POSITION_HALF && is_odd);
	case ROUND_UP:
		return position != POSITION_EXACT;
	case ROUND_DOWN:
		return false;
	}
	return false;
}

/*
 * The whole part of numerator / divisor x 10^*exponent, digit by digit, so that nothing wider than the result is needed. Stops
 * when only zeros would follow: *exponent is then how many.
 */
static bool divide_up(uint128 *whole, enum position *position, uint128 numerator, uint128 divisor, int32_t *exponent)
{
	uint128 rest = numerator % divisor;

	*whole = numerator / divisor;
	for (; rest != 0 && *exponent > 0; --*exponent) {
		if (__builtin_mul_overflow(rest, 10, &rest) || __builtin_mul_overflow(*whole, 10, whole) ||
		    __builtin_add_overflow(*whole, rest / divisor, whole))
			return false;
		rest %= divisor;
	}
	*position = position_of(rest, divisor);
	return true;
}

/* The whole part of numerator / divisor / 10^exponent. */
static void divide_down(uint128 *whole, enum position *position, uint128 numerator, uint128 divisor, int32_t exponent)
{
	uint128 quotient = numerator / divisor;
	bool has_rest = numerator % divisor != 0;
	uint128 power;

	/* Beyond 10^38 a magnitude of 128 bits is less than a half: 3.4 x 10^38 / 10^39. */
	if (exponent > DIGITS_MAX) {
		*whole = 0;
		*position = numerator == 0 ? POSITION_EXACT : POSITION_BELOW_HALF;
		return;
	}
	power = power_of_ten(exponent);
	*whole = quotient / power;
	*position = position_of(quotient % power, power);
	/* What the first division left over lies above the digits seen so far, and is less than one step of them. */
	if (has_rest && *position == POSITION_EXACT)
		*position = POSITION_BELOW_HALF;
	else if (has_rest && *position == POSITION_HALF)
		*position = POSITION_ABOVE_HALF;
}

int meter__decimal_round_quotient(struct decimal *out, struct decimal a, struct decimal b, struct decimal divisor, int32_t scale,
                                  enum rounding mode)
{
	struct quotient q;
	enum position position;
	uint128 whole;
	int code;

	assert(scale >= 0 && scale <= DECIMAL_SCALE_MAX);
	code = make_quotient(&q, a, b, divisor);
	if (code != METER_OK)
		return code;
	q.exponent += scale;
	if (q.exponent < 0)
		divide_down(&whole, &position, q.numerator, q.divisor, -q.exponent);
	else if (!divide_up(&whole, &position, q.numerator, q.divisor, &q.exponent))
		return overflow();
	else
		scale -= q.exponent;
	if (is_rounded_up(position, whole % 2 != 0, mode) && __builtin_add_overflow(whole, 1, &whole))
		return overflow();
	if (scale < 0) {
		if (!scale_up(&whole, -scale))
			return overflow();
		scale = 0;
	}
	return make(out, q.is_negative, whole, scale) ? METER_OK : overflow();
}

/* Whether q is a decimal: its divisor then has no factors but 2 and 5, and each takes the other one as multiplier to become a
 * ten. */
static bool to_decimal(struct decimal *out, struct quotient q)
{
	while (q.divisor % 2 == 0 || q.divisor % 5 == 0) {
		uint32_t factor = q.divisor % 2 == 0 ? 2 : 5;

		q.divisor /= factor;
		q.exponent--;
		if (__builtin_mul_overflow(q.numerator, 10 / factor, &q.numerator))
			return false;
	}
	if (q.divisor != 1)
		return false;
	if (q.exponent > 0 && !scale_up(&q.numerator, q.exponent))
		return false;
	return make(out, q.is_negative, q.numerator, q.exponent < 0 ? -q.exponent : 0);
}

/* Fold the exponent of q into its numerator or divisor, in lowest terms. */
static bool to_fraction(struct quotient *q)
{
	uint128 *side = q->exponent > 0 ? &q->numerator : &q->divisor;
	uint128 *other = q->exponent > 0 ? &q->divisor : &q->numerator;
	int32_t exponent = q->exponent > 0 ? q->exponent : -q->exponent;
	uint128 power;

	if (exponent > DIGITS_MAX)
		return false;
	power = power_of_ten(exponent);
	cancel_common(&power, other);
	return !__builtin_mul_overflow(*side, power, side) && q->numerator < MAGNITUDE_END && q->divisor < MAGNITUDE_END;
}

static void append_digits(struct buffer *out, uint128 n)
{
	char digits[DECIMAL_TEXT_SIZE];
	char *end = digits + sizeof(digits);
	char *start = put_digits(end, n, 1);

	meter__buffer_append(out, start, (size_t)(end - start));
}

int meter__decimal_exact_quotient(struct buffer *out, struct decimal a, struct decimal b, struct decimal divisor)
{
	char text[DECIMAL_TEXT_SIZE];
	struct quotient q;
	struct decimal d;
	int code = make_quotient(&q, a, b, divisor);

	if (code != METER_OK)
		return code;
	if (to_decimal(&d, q)) {
		meter__buffer_append(out, text, meter__decimal_format(text, d));
		return METER_OK;
	}
	if (!to_fraction(&q))
		return overflow();
	if (q.is_negative)
		meter__buffer_char(out, '-');
	append_digits(out, q.numerator);
	meter__buffer_char(out, '/');
	append_digits(out, q.divisor);
	return METER_OK;
}
