meter stats --json=yes
