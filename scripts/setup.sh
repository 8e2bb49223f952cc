#!/usr/bin/env bash
# Create or reuse .venv and install pinned, hashed requirements into it: scripts/setup.sh LIST [LIST…]
# LIST is a file name in requirements/ without its ending (base, demo, test). Does nothing when already done.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

if [ -n "${PYTHON:-}" ] && ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  say "PYTHON=$PYTHON is not Python 3.11 or newer."
  say "Name one that is, or leave PYTHON out: make demo PYTHON=/path/to/python3.12"
  exit 1
fi
python=""
for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
  [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
  if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python="$candidate"; break; fi
done
if [ -z "$python" ] && [ ! -x .venv/bin/python ]; then
  say "Fairday needs Python 3.11 or newer; this machine has: $(python3 --version 2>&1 || echo 'no python3')."
  say "Install a newer Python, or name one: make demo PYTHON=/path/to/python3.12"
  exit 1
fi
if [ ! -x .venv/bin/python ]; then
  "$python" -m venv .venv 2>/dev/null || {
    rm -rf .venv
    say "Python's venv module is missing. On Debian or Ubuntu: apt-get install python3-venv"
    exit 1
  }
fi

files=(); for list in "$@"; do files+=(-r "requirements/$list.txt"); done
stamp=$( (cat pyproject.toml; for list in "$@"; do cat "requirements/$list.txt"; done) | cksum | tr -d " ")
mark=".venv/.fairday-$(echo "$*" | tr ' ' '-')"
[ "$(cat "$mark" 2>/dev/null)" = "$stamp" ] && exit 0

say "Installing ($*) …"
started=$(date +%s)
if command -v uv >/dev/null 2>&1; then uv=uv
else
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt >/dev/null 2>&1 || true
  uv=""; [ -x .venv/bin/uv ] && uv=.venv/bin/uv
fi
if [ -n "$uv" ]; then
  VIRTUAL_ENV="$PWD/.venv" "$uv" pip install --quiet --compile-bytecode --require-hashes --no-deps "${files[@]}"
  VIRTUAL_ENV="$PWD/.venv" "$uv" pip install --quiet --no-deps --no-build-isolation -e .
else
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps "${files[@]}"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
fi
echo "$stamp" > "$mark"
say "Installed in $(( $(date +%s) - started )) s."
