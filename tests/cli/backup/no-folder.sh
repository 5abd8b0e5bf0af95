meter apply catalog.yaml >/dev/null
meter backup missing/copy.db 2>&1 | sed 's/backup-[0-9a-f]*/backup-NUMBER/'
