# -h is --help wherever it stands, --version is the verb version.
meter -h >one
meter --help >two
cmp one two && head -1 one
meter query -h >one
meter -h query >two
meter help query >three
cmp one two && cmp one three && head -1 one
meter --version >one
meter version >two
cmp one two && meter --version --json | cut -d: -f1
meter -hx
echo "exit $?"
meter query --version
echo "exit $?"
