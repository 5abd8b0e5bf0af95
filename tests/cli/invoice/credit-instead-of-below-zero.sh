# Late corrections take more from January than February bills; a credit has paid January, so that nothing of it was due.
meter apply credits.yaml > apply.txt
use() { printf '{"id":"%s","subscription":"acme","type":"unit","timestamp":"%s","value":%s}\n' "$1" "$2" "$3"; }
{ use a 2024-01-05T00:00:00Z 9; use b 2024-02-05T00:00:00Z 1; } | meter replay - > replay.txt
meter invoice acme --finalize --at 2024-02-01T00:00:00Z > january.txt
use c 2024-01-06T00:00:00Z -8 | meter replay - > replay.txt
meter invoice acme --finalize --at 2024-03-01T00:00:00Z > february.txt
meter invoice --list
