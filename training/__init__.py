"""Training recipes: a side module that the codec never imports (docs/training.md)."""
