/* catalog_grant.h - credits and commitments of a plan. (pure) */
#ifndef METER_CATALOG_GRANT_H
#define METER_CATALOG_GRANT_H

#include "catalog.h"
#include "field.h"

/* Either entry may be NULL; both go into one list, sorted by (priority, until, key). Charges of the plan must be read. */
int meter__catalog_grants_read(const struct field_reader *r, struct plan *plan, const struct yaml_node *credits,
                               const struct yaml_node *commitments);

#endif
