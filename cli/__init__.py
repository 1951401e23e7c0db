"""The `ulbic` command. Nothing heavy is imported before a verb needs it."""
