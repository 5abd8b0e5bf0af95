#!/bin/sh
# install.sh - installs into a scratch folder and proves that a stranger can build against it with pkg-config, shared and
# static, only with it, and that uninstall leaves nothing. Takes MAKE and CC from the environment (make check-install).
set -eu
make=${MAKE:-make}
cc=${CC:-cc}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() {
	echo "install: $1" >&2
	exit 1
}

# Staging first, as a package is built: everything below DESTDIR, and PREFIX, not DESTDIR, in the .pc file.
$make --no-print-directory install DESTDIR="$scratch/stage" PREFIX=/usr libdir=/usr/lib/test >/dev/null
for file in bin/meter include/meter.h lib/test/libmeter.a lib/test/libmeter.so lib/test/pkgconfig/libmeter.pc; do
	[ -e "$scratch/stage/usr/$file" ] || fail "$file was not installed"
done
if grep -q "$scratch" "$scratch/stage/usr/lib/test/pkgconfig/libmeter.pc"; then
	fail 'libmeter.pc names DESTDIR'
fi
$make --no-print-directory uninstall DESTDIR="$scratch/stage" PREFIX=/usr libdir=/usr/lib/test >/dev/null
left=$(find "$scratch/stage" ! -type d)
[ -z "$left" ] || fail "uninstall left: $left"

prefix=$scratch/prefix
$make --no-print-directory install PREFIX="$prefix" >/dev/null
cp examples/quickstart.c "$scratch/program.c"
cd "$scratch"
PKG_CONFIG_PATH=$prefix/lib/pkgconfig
export PKG_CONFIG_PATH
version=$(pkg-config --modversion libmeter)
[ "$("$prefix/bin/meter" version | head -n 1 | grep -c "$version")" = 1 ] || fail "meter version does not say $version"

# shellcheck disable=SC2046,SC2086 # pkg-config prints a list of words
{
	if $cc -o without program.c 2>/dev/null; then
		fail 'a program built without pkg-config: another libmeter is installed'
	fi
	$cc -std=c11 -Wall -Werror -o shared program.c $(pkg-config --cflags --libs libmeter)
	needed=$(objdump -p shared | sed -n 's/.*NEEDED *//p')
	echo "$needed" | grep -q '^libmeter\.so\.[0-9]*$' || fail "the shared program does not need libmeter.so: $needed"
	# sqlite3's own static libraries are not always there: only libmeter itself has to be linked statically.
	$cc -std=c11 -Wall -Werror -o static program.c $(pkg-config --static --cflags --libs libmeter |
		sed -e 's/-lmeter/-l:libmeter.a/' -e 's/-lz//')
	if objdump -p static | grep -q 'NEEDED *libmeter'; then
		fail 'the static program needs libmeter.so'
	fi
}
LD_LIBRARY_PATH=$prefix/lib ./shared >shared.out || fail "the shared program exits with $?"
rm -f ./*.db*
./static >static.out || fail "the static program exits with $?"
[ -s shared.out ] || fail 'the program printed nothing'
cmp -s shared.out static.out || fail 'the shared and the static program print different things'

exported=$(nm -D --defined-only "$prefix/lib/libmeter.so" | awk '$2 != "A" {print $3}' | grep -vE '^meter_[a-z]' || true)
[ -z "$exported" ] || fail "libmeter.so exports more than meter_*: $exported"
cd - >/dev/null
$make --no-print-directory uninstall PREFIX="$prefix" >/dev/null
left=$(find "$prefix" ! -type d)
[ -z "$left" ] || fail "uninstall left: $left"
echo "install: ok (version $version, shared and static)"
