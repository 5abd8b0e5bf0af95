/* catalog_plan.h - the part of the catalog's language that prices. (pure) */
#ifndef METER_CATALOG_PLAN_H
#define METER_CATALOG_PLAN_H

#include "catalog.h"
#include "field.h"

/* Read the list of plans into catalog->plans and plans_by_key. The meters must have been read. */
int meter__catalog_plans_read(const struct field_reader *r, struct meter_catalog *catalog, const struct yaml_node *node);

#endif
