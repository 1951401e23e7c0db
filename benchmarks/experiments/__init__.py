"""One-off experiments: each answers one question, again with one command. Only tests import them."""
