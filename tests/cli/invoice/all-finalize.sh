# One period of all subscriptions: the one that is refused is told, the others are finalized, and a second run changes nothing.
meter apply credits.yaml > apply.txt
meter invoice --all --period 2024-01 --finalize --at 2024-02-02T00:00:00Z
meter invoice --all --period 2024-01 --finalize --at 2024-01-20T00:00:00Z
echo "$?"
meter invoice --all --period 2024-01
meter invoice --all --period garbage --finalize
echo "$?"
meter invoice --all --period 2024-02 --finalize --at 2999-01-01T00:00:00Z
echo "$?"
