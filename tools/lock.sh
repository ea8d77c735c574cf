#!/bin/sh
# Compile pyproject.toml into requirements.txt and tests/requirements.txt. With --check: fail when the names they
# ask for are not the ones that were compiled (new releases alone don't fail the check).
set -eu
cd "$(dirname "$0")/.."
run=requirements.txt
dev=tests/requirements.txt
if [ "${1:-}" = --check ]; then
    run=.venv/requirements.check
    dev=.venv/requirements-dev.check
    cp requirements.txt "$run"
    cp tests/requirements.txt "$dev"
fi
uv="env -u VIRTUAL_ENV .venv/bin/uv pip compile -q --no-header --universal --python-version 3.11"
$uv pyproject.toml -o "$run"
$uv --group dev -c requirements.txt -o "$dev"
[ "${1:-}" = --check ] || exit 0
if ! cmp -s requirements.txt "$run"; then
    echo "requirements.txt is not what pyproject.toml says; run 'make lock'" >&2
    exit 1
fi
if ! cmp -s tests/requirements.txt "$dev"; then
    echo "tests/requirements.txt is not what pyproject.toml says; run 'make lock'" >&2
    exit 1
fi
