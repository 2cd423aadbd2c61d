"""The log: events, sequencer, checkpoints, map, snapshots, registry keys."""
