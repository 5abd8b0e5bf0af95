/* invoice.h - what the library itself asks of invoices, beyond meter.h. */
#ifndef METER_INVOICE_H
#define METER_INVOICE_H

#include "rate.h"

/* meter_invoice_draft(), under another catalog if that is not NULL; METER_EUNSUPPORTED when it has a meter that this file does
 * not count. */
int meter__invoice_draft(meter_invoice **out, meter *m, struct meter_catalog *catalog, struct slice subscription,
                         struct slice period);
const struct rating *meter__invoice_rating(const meter_invoice *invoice);
int32_t meter__invoice_exponent(const meter_invoice *invoice);

#endif
