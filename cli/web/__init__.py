"""The page of `ulbic serve`: how it looks, the routes behind it, and the one thread that does the work."""
