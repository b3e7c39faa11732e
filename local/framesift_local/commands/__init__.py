"""`framesift local …`: the commands that run Framesift on one machine. `framesift.commands` is their entry point."""
