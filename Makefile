# `make check` is everything that must pass before a commit.
.PHONY: check lint types test typing-tree manual

check: lint types test

lint:
	ruff check .

types: typing-tree
	mypy

# The folders install as ulbic.codec, ulbic.models, ...: a tree of links shows mypy the same names.
typing-tree:
	@mkdir -p build/typing/ulbic
	@for d in bitstream models codec cli training benchmarks; do ln -sfn ../../../$$d build/typing/ulbic/$$d; done
	@for f in src/ulbic/*; do ln -sfn ../../../$$f build/typing/ulbic/$$(basename $$f); done

# The man page, and the reference in docs/cli.md.
manual: typing-tree
	PYTHONPATH=build/typing python -m ulbic.cli.manual .

test:
	pytest
