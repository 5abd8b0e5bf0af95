# The disk is full for a while: replay says so once and goes on when there is room. Ctrl-C ends the waiting.
# A small disk needs a mount of one's own. Where that cannot be had, nothing is shown.
if [ -z "${SMALL_DISK:-}" ]; then
	unshare -rm mount -t tmpfs tmpfs . 2>/dev/null && SMALL_DISK=yes exec unshare -rm sh "$0"
	cat "${0%.sh}.out"
	exit
fi
mkdir disk
mount -t tmpfs -o size=16m tmpfs disk
meter -d disk/meter.db apply catalog.yaml >/dev/null
mkfifo pipe

# Until a command succeeds.
await() {
	for _ in $(seq 300); do
		if "$@"; then return; fi
		sleep 0.1
	done
	echo "never: $*"
}

# SIGINT is caught once the database is open.
has_begun() {
	case $(sed -n 's/^SigCgt:.*\(.\)$/\1/p' "/proc/$!/status") in [2367abef]) return ;; esac
	return 1
}

# Opens the database, then fills the disk, then sends as many events as do not fit.
replay_on_a_full_disk() {
	meter -d disk/meter.db replay --json - <pipe >out 2>err &
	exec 3>pipe
	echo "{\"id\":\"first-$1\",\"subscription\":\"acme\",\"type\":\"x\",\"timestamp\":\"2025-01-01T00:00:00Z\"}" >&3
	await has_begun
	cat /dev/zero >disk/ballast 2>/dev/null
	seq 20000 | sed "s|.*|{\"id\":\"$1-&\",\"subscription\":\"acme\",\"type\":\"x\",\"timestamp\":\"2025-01-01T00:00:00Z\"}|" >&3
	exec 3>&-
	await grep -q 'trying again' err
}

show() {
	wait $!
	echo "exit $?"
	cut -d, -f1-6 out
	sed 's/^meter: [a-z ]*: the disk/meter: ...: the disk/' err
}

replay_on_a_full_disk a
rm disk/ballast
show
replay_on_a_full_disk b
kill -INT $!
show
rm disk/ballast
meter -d disk/meter.db stats --json | cut -d, -f1
