# The order of -d, --format and the verb does not matter; the variable holds unless -d is given, an empty one is none.
meter -d a.db apply catalog.yaml
METER_DB=b.db meter apply catalog.yaml
METER_DB=b.db meter -d a.db --json stats >one
meter stats --json -da.db >two
cmp one two
METER_DB='' meter apply catalog.yaml
ls -- *.db
