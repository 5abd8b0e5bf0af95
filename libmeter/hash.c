/* hash.c - see hash.h; the only file that knows libmd. (pure) */
#include "hash.h"

#include <sha2.h>

void meter__hash(char out[HASH_TEXT_SIZE], struct slice data)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bytes[SHA256_DIGEST_LENGTH];
	SHA2_CTX context;

	SHA256Init(&context);
	SHA256Update(&context, (const uint8_t *)data.data, data.size);
	SHA256Final(bytes, &context);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * sizeof(bytes)] = '\0';
}
