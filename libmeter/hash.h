/*
 * hash.h - SHA-256, by libmd: what links stored documents to each other, and names the text of a plan. (pure)
 *
 * It must hold against someone who wants to deceive, which XXH3 does not.
 */
#ifndef METER_HASH_H
#define METER_HASH_H

#include "buffer.h"

#define HASH_TEXT_SIZE 65 /* hexadecimal digits and the NUL */

void meter__hash(char out[HASH_TEXT_SIZE], struct slice data);

#endif
