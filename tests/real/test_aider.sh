# test_aider.sh - a log of LLM calls that was published 216 times, each time with most of what was published before: 202,489 lines
# hold 15,988 events. Whoever counts lines bills 13 times too much, whoever drops equal lines loses a call. One database knows its
# meters before the events, the other learns them afterwards, and both must count the same.
. "$REAL/check.sh"

cat >catalog.yaml <<'END'
version: 1
meters:
  prompt_tokens: {event_type: message_send, aggregation: sum, value: prompt_tokens, dimensions: [main_model], unit: token}
  completion_tokens: {event_type: message_send, aggregation: sum, value: completion_tokens, dimensions: [main_model], unit: token}
END
replay_snapshots() {
	python3 "$REAL/aider_events.py" "$DATA" | outcomes "$1" --time s -
}

expected='read:202489,accepted:15988,duplicate:186501,conflict:0,rejected:0,late:0
exit 0'
meter -d before.db apply catalog.yaml >applied
same 'snapshots: each event once (meters first)' "$expected" "$(replay_snapshots before.db)"
same 'snapshots: each event once (meters later)' "$expected" "$(replay_snapshots after.db)"
meter -d after.db apply catalog.yaml >applied
same 'snapshots: again, nothing new' 'read:202489,accepted:0,duplicate:202489,conflict:0,rejected:0,late:0
exit 0' "$(replay_snapshots after.db)"

calls=aider_log.message_send
for database in before.db after.db; do
	for tokens in prompt_tokens completion_tokens; do
		truth $calls - $tokens=value rows=events -- -d $database query $tokens
		truth $calls.by_model main_model $tokens=value rows=events -- -d $database query $tokens --group-by main_model
		truth $calls.by_user_id subscription $tokens=value rows=events -- -d $database query $tokens --group-by subscription
		truth $calls.by_day_utc from $tokens=value rows=events -- -d $database query $tokens --by day
		truth $calls.by_month_utc from $tokens=value rows=events -- -d $database query $tokens --by month
	done
done
for tokens in prompt_tokens completion_tokens; do
	for database in before after; do
		meter -d $database.db query $tokens --by minute --group-by subscription,main_model --format csv >$database.csv
	done
	same "$tokens by minute, subscription and model: meters first or later, the same" '' "$(diff before.csv after.csv)"
done
