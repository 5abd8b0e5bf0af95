/* catalog_charge.h - the part of the catalog's language that prices one charge. (pure) */
#ifndef METER_CATALOG_CHARGE_H
#define METER_CATALOG_CHARGE_H

#include "catalog.h"
#include "field.h"

#define CATALOG_CHARGES_MAX 1000 /* per plan */

/* Read one charge. The meters must have been read. */
int meter__catalog_charge_read(const struct field_reader *r, const struct meter_catalog *catalog, const struct yaml_node *node,
                               struct charge *charge);

/* minimum and maximum, of a charge or a plan; an entry is NULL when it is not given. */
int meter__catalog_limits_read(const struct field_reader *r, const struct yaml_node *minimum, const struct yaml_node *maximum,
                               struct amount *minimum_out, struct amount *maximum_out);

#endif
