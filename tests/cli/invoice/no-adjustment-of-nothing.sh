# January used some of the credit, and no more when it is billed again. February bills nothing either way: there is no adjustment of it.
# March finds the whole credit.
meter apply credits.yaml > apply.txt
use() { printf '{"id":"%s","subscription":"acme","type":"unit","timestamp":"%s","value":%s}\n' "$1" "$2" "$3"; }
{ use a 2024-01-05T00:00:00Z 4; use b 2024-03-05T00:00:00Z 12; } | meter replay - > replay.txt
meter invoice --due --at 2024-03-01T00:00:00Z > due.txt
meter invoice INV-000001 --void --reason wrong --at 2024-03-01T00:00:00Z > void.txt
use c 2024-01-06T00:00:00Z -4 | meter replay - > replay.txt
meter invoice acme --finalize --at 2024-03-01T00:00:00Z > again.txt
meter invoice acme --adjust --at 2024-03-02T00:00:00Z
meter invoice acme --finalize --at 2024-04-01T00:00:00Z
