. ./billed.sh
meter events acme --outcome late --with-invoice
