# test_azure.sh - an hour of a chat service, straight from its CSV: no id, no customer, CRLF, times without a zone and with seven
# decimals. The options of replay say what the file leaves out.
. "$REAL/check.sh"

cat >catalog.yaml <<'END'
version: 1
meters:
  context_tokens: {event_type: llm.chat, aggregation: sum, value: context, unit: token}
  generated_tokens: {event_type: llm.chat, aggregation: sum, value: generated, unit: token}
  largest_context: {event_type: llm.chat, aggregation: max, value: context, unit: token}
END
replay_csv() {
	outcomes azure.db --from csv --time utc --map subscription=:chat,id=#line,type=:llm.chat,timestamp=TIMESTAMP \
		--map properties.context=ContextTokens,properties.generated=GeneratedTokens "$DATA/azure-llm-2023-conv.csv"
}

meter -d azure.db apply catalog.yaml >applied
same 'CSV: every row' 'read:19366,accepted:19366,duplicate:0,conflict:0,rejected:0,late:0
exit 0' "$(replay_csv)"
same 'CSV: again, nothing new' 'read:19366,accepted:0,duplicate:19366,conflict:0,rejected:0,late:0
exit 0' "$(replay_csv)"

trace=azure_llm_2023_conv
for meter in context_tokens generated_tokens; do
	truth $trace - $meter=value rows=events -- -d azure.db query $meter
	for unit in day hour minute; do
		truth $trace.by_$unit from $meter=value rows=events -- -d azure.db query $meter --by $unit
	done
done
truth $trace - max_context_tokens=value -- -d azure.db query largest_context
for unit in day hour minute; do
	truth $trace.by_$unit from max_context_tokens=value rows=events -- -d azure.db query largest_context --by $unit
done

# The comparison itself: one call with one token is enough to be noticed.
echo '{"id":"extra","subscription":"chat","type":"llm.chat","timestamp":"2023-11-16T18:42:00Z","properties":{"context":1,"generated":1}}' |
	meter -d azure.db replay - --json >outcomes.json
truth $trace.by_minute from context_tokens=value -- -d azure.db query context_tokens --by minute >noticed
same 'the comparison notices one token' 'FAILED 1 differences' "$(sed -n '1s/^\(FAILED\):.*: \([0-9]* differences\)$/\1 \2/p' noticed)"
