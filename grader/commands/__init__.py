"""The commands, by who types them. Each takes its arguments, makes one call and gives an exit code."""
