"""Pictures to bytes and back: the only place where tensors become integers."""
