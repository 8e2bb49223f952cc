#!/usr/bin/env bash
# Parts the tests need beside Python packages: PostgreSQL, a browser, a CJK font, strace, Node, a C compiler.
# Installed where this is Debian or Ubuntu and we may; elsewhere the tests that need them skip with a loud line.
set -u
want=()
{ command -v pg_ctl || ls /usr/lib/postgresql/*/bin/pg_ctl; } >/dev/null 2>&1 || want+=(postgresql)
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || want+=(chromium)
fc-list 2>/dev/null | grep -qiE 'wqy|noto.*cjk|source.?han|pingfang' || want+=(fontconfig fonts-wqy-microhei)
command -v strace >/dev/null 2>&1 || want+=(strace)
command -v npm >/dev/null 2>&1 || want+=(nodejs npm)
command -v cc >/dev/null 2>&1 || want+=(gcc libc6-dev)
.venv/bin/python -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' || want+=(python3-dev)
[ ${#want[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing ${want[*]} …" >&2
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${want[@]}"; } >/dev/null 2>&1 \
    || echo "*** could not install ${want[*]}" >&2
else
  echo "*** MISSING PARTS: ${want[*]}. Tests that need them will be skipped. On Debian or Ubuntu: sudo apt-get install ${want[*]}" >&2
fi
exit 0
