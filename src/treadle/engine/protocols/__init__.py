"""Named protocols of a small rung: one well-posed question at a time, treadle drives. One file each."""
