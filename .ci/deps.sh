#!/bin/sh
# deps.sh - finds out what is missing to build and test libmeter, and installs it on Debian.
#
#   deps.sh check                  prints what is missing to build and fails; installs nothing
#   deps.sh install [PACKAGE...]   installs what is missing to build and test, and these packages; quiet when all is there
#
# A thing is looked for where the build will look for it (compiler, pkg-config), so this works with any distribution that has it.
set -eu

compiler=${CC:-cc}
have_headers() {
	# shellcheck disable=SC2086 # a compiler may carry options
	echo '#include <stdio.h>' | $compiler -E - >/dev/null 2>&1
}
have_module() {
	pkg-config --exists "$1" 2>/dev/null
}
have_package() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

mode=${1:-}
[ $# -gt 0 ] && shift
missing=
need() {
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}

case $mode in
check | install)
	# Without a pkg-config the modules cannot be looked up, and are then all named.
	case $compiler in
	cc | gcc) need gcc command -v "$compiler" ;;
	*) need "${compiler%% *}" command -v "${compiler%% *}" ;;
	esac
	need libc6-dev have_headers
	need pkg-config command -v pkg-config
	need libsqlite3-dev have_module sqlite3
	need libxxhash-dev have_module libxxhash
	need libyaml-dev have_module yaml-0.1
	need libmd-dev have_module libmd
	;;
*)
	echo "usage: deps.sh check | install [PACKAGE...]" >&2
	exit 2
	;;
esac

if [ "$mode" = check ]; then
	[ -z "$missing" ] && exit 0
	echo "missing:$missing" >&2
	echo "run: make deps" >&2
	exit 1
fi

need libcmocka-dev have_module cmocka
need python3 command -v python3
need tzdata test -f /usr/share/zoneinfo/Europe/Berlin
for package in "$@"; do
	need "$package" have_package "$package"
done
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "missing (names as in Debian):$missing" >&2
	echo "install a C compiler, pkg-config, python3 and the development files of SQLite 3, xxHash, libyaml, libmd and cmocka, and tzdata" >&2
	exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
	if command -v sudo >/dev/null 2>&1; then
		as_root=sudo
	else
		echo "missing:$missing" >&2
		echo "run as root: apt-get update && apt-get install -y --no-install-recommends$missing" >&2
		exit 1
	fi
fi

echo "installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # a list of package names
if ! { $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } \
	</dev/null >"$log" 2>&1; then
	cat "$log" >&2
	exit 1
fi
