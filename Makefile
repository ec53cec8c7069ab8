# Every command a line or two; what they need is installed by tools/install from the project's own lists.
PY := .venv/bin/python

run: ; @tools/install run && exec $(PY) -m seatgate run $(ARGS)
test: ; @tools/install test && exec $(PY) -m pytest -n 2 --dist loadgroup $(ARGS)
check: ; @tools/install check && exec tools/check
bench: ; @tools/install test && exec $(PY) -m bench $(ARGS)
format: ; @tools/install check && .venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format .

.PHONY: run test check bench format
