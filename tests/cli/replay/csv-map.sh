cat >usage.csv <<'END'
TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
END
meter replay --json --time utc --map subscription=:acme,id=#line,type=:llm.call --map timestamp=TIMESTAMP usage.csv >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
meter events acme --format jsonl
exit $code
