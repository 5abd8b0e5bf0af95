/* catalog_discount.h - discounts of charges and plans. (pure) */
#ifndef METER_CATALOG_DISCOUNT_H
#define METER_CATALOG_DISCOUNT_H

#include "catalog.h"
#include "field.h"

/* A list of charges of plan, whose charges must have been read. */
int meter__catalog_applies_to_read(const struct field_reader *r, const struct plan *plan, const struct yaml_node *node,
                                   struct charge_list *out);

/* The discounts of plan, whose charges must have been read, or, when it is NULL, of a charge. entry NULL: there are none. */
int meter__catalog_discounts_read(const struct field_reader *r, const struct plan *plan, const struct yaml_node *entry,
                                  struct discount **discounts_out, size_t *count_out);

#endif
