#!/bin/sh
# Make the environment: .venv with exactly what requirements.txt says; with --dev also the test tools and a browser.
# Run again it does nothing unless the requirements changed. Every failure is one sentence.
set -eu
cd "$(dirname "$0")/.."
fail() { echo "setup: $1" >&2; exit 1; }

python=""
for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    fail "Python 3.11, 3.12 or 3.13 is needed, found $(python3 --version 2>&1 | tail -n 1); install one or set PYTHON=/path/to/python3.11"
fi

install() { # install NAME FILE: pip install -r FILE once for each content of FILE
    stamp=.venv/.installed-$1
    cksum "$2" | cmp -s - "$stamp" && return 0
    echo "setup: installing packages from $2 ..." >&2
    log=.venv/install-$1.log
    if ! .venv/bin/python -m pip install --disable-pip-version-check -q -r "$2" >"$log" 2>&1; then
        reason=$(grep -E '^ERROR|Could not|No matching|Connection|Temporary failure' "$log" | tail -n 1)
        fail "the packages of $2 could not be installed: ${reason:-see $log}. Is the package registry in reach?"
    fi
    cksum "$2" >"$stamp"
}

if [ ! -x .venv/bin/python ]; then
    "$python" -m venv .venv >/dev/null 2>&1 ||
        fail "could not make .venv with $python; on Debian and Ubuntu install python3-venv"
fi
install run requirements.txt

[ "${1:-}" = --dev ] || exit 0
install dev tests/requirements.txt
for browser in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    [ -n "$browser" ] && command -v "$browser" >/dev/null 2>&1 && exit 0
done
[ -e .venv/.browser ] && exit 0
echo "setup: installing a browser for the browser tests ..." >&2
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >.venv/browser.log 2>&1 && exit 0
fi
if .venv/bin/python -m playwright install chromium >>.venv/browser.log 2>&1; then
    touch .venv/.browser
    exit 0
fi
[ -z "${CI:-}" ] || fail "no browser could be installed (see .venv/browser.log), and in CI the browser tests must run"
echo "setup: no browser could be installed; the browser tests will be skipped and say so" >&2
