#!/bin/sh
# layers.sh - the rules of the house that a compiler does not check: who may include what, and no binary floating point.
set -u
status=0
complain() {
	echo "layers: $1"
	echo "$2" | sed 's/^/    /'
	status=1
}

# forbid TEXT INCLUDE ALLOWED-FILES-REGEX: the include stands in no file but these.
forbid() {
	found=$(grep -nE "^#[ \t]*include[ \t]*$2" libmeter/*.[ch] cli/*.[ch] | grep -vE "^($3):")
	[ -z "$found" ] || complain "$1" "$found"
}
forbid 'only the store knows SQLite' '[<"]sqlite3\.h' 'libmeter/store[a-z_]*\.[ch]'
forbid 'only yaml.c knows libyaml' '<yaml\.h' 'libmeter/yaml\.c'
forbid 'only hash.c knows libmd' '<sha2\.h' 'libmeter/hash\.c'
forbid 'only hash tables and the spool hash' '[<"]xxhash\.h' 'libmeter/(bucket|intern|spool|verify_origin|verify_digest|store[a-z_]*)\.c'

# The command and the examples live on the public header: what they cannot do through it is a gap in it.
found=$(grep -nE '^#[ \t]*include' cli/*.[ch] examples/*.c examples/*/*.c 2>/dev/null |
	grep -vE 'include[ \t]*<(meter|[a-z]+|sys/[a-z]+)\.h>' | grep -vE '^cli/[a-z_]*\.[ch]:[0-9]+:#include "cli\.h"')
[ -z "$found" ] || complain 'cli/ and examples/ include <meter.h> and libc only' "$found"
found=$(grep -nE 'include[ \t]*<(sqlite3|yaml|xxhash|cmocka)\.h>' cli/*.[ch] examples/*.c examples/*/*.c 2>/dev/null)
[ -z "$found" ] || complain 'cli/ and examples/ include <meter.h> and libc only' "$found"

# Texts and comments may say "double".
for file in libmeter/*.[ch] cli/*.[ch]; do
	found=$(sed -e 's/"\([^"\\]\|\\.\)*"//g' -e 's://.*$::' -e 's:/\*.*\*/::' -e '/\/\*/,/\*\//s/.*//' "$file" |
		grep -nE '\b(float|double|strtod|strtof|strtold|atof)\b')
	[ -z "$found" ] || complain "$file uses binary floating point" "$found"
done

[ "$status" -eq 0 ] && echo 'layers: ok'
exit "$status"
