for verb in stats 'query calls' 'invoice acme --period 2025-01' 'events acme' 'quarantine list'; do
	# shellcheck disable=SC2086 # words are meant
	meter -d new.db $verb
	echo "exit $?"
done
test ! -e new.db
