meter backfill
meter backfill shuffle
meter backfill retract
meter backfill retract a
meter backfill list a
meter backfill list --reason x
meter backfill retract a --reason x
