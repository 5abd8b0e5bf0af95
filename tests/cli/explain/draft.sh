. ./billed.sh
meter explain acme 2
