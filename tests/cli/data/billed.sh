# January is billed, then an event of it comes late, and February with its adjustment is billed.
{
	meter apply late.yaml
	meter replay january.jsonl
	meter invoice acme --period 2025-01 --finalize --at 2025-02-02T00:00:00Z
	meter replay late.jsonl
	meter invoice acme --period 2025-02 --finalize --at 2025-03-02T00:00:00Z
} >/dev/null
