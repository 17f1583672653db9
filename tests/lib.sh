# What the suites share. Sourced by ./test and by each suite; the work tree is the directory.
# shellcheck shell=bash

CLOSING_LINE='^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$'

# Files that come with the work place and not with the repository, such as the OASIS cases.
SHARED=${STRONGROOM_SHARED:-../shared}

# packages NAME...: installs the Debian packages among these that are missing.
packages() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q '^install ok' ||
            missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "installing ${missing[*]}"
    local root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo)
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c '
        apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1 ||
        { apt-get update -q && apt-get install -y --no-install-recommends "$@"; }' \
        sh "${missing[@]}"
}

# What every build needs: aws-lc and SQLite are C.
build_tools() {
    command -v cargo >/dev/null || { echo "cargo is missing: install Rust" >&2; return 1; }
    packages build-essential
}

# The one release build that the suites run. Sets STRONGROOM_BIN and OASIS_BIN_DIR.
release_build() {
    build_tools || return 1
    cargo build --quiet --release -p strongroom-server -p strongroom-oasis || return 1
    local target=${CARGO_TARGET_DIR:-target}
    case $target in /*) ;; *) target=$PWD/$target ;; esac
    export STRONGROOM_BIN=${STRONGROOM_BIN:-$target/release/strongroom}
    OASIS_BIN_DIR=$target/release
}

# python_venv FILE: a virtual environment with the packages of a requirements file, made once.
# Sets PYTHON.
python_venv() {
    packages python3 python3-venv || return 1
    local dir=${STRONGROOM_VENV:-target/test-venv}
    case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
    PYTHON=$dir/bin/python
    if ! cmp -s "$1" "$dir/requirements.txt"; then
        echo "installing Python packages into $dir"
        rm -rf "$dir"
        python3 -m venv "$dir" || return 1
        "$dir/bin/pip" install --quiet --disable-pip-version-check -r "$1" || return 1
        cp "$1" "$dir/requirements.txt"
    fi
}

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 20000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

# start_strongroom [ARGUMENT...]: a quickstart server in a directory of its own that goes away with
# the suite. Sets KMIP and ADMIN (addresses), BUNDLE (certificates) and WORK. With KMIP_SERVER and KMIP_BUNDLE
# set, that server is tested instead and nothing is started.
start_strongroom() {
    WORK=$(mktemp -d)
    trap 'stop_strongroom >/dev/null 2>&1; rm -rf "$WORK"' EXIT
    STRONGROOM_PID=
    if [ -n "${KMIP_SERVER:-}" ]; then
        KMIP=$KMIP_SERVER BUNDLE=$KMIP_BUNDLE
        return
    fi
    KMIP=127.0.0.1:$(free_port)
    ADMIN=127.0.0.1:$(free_port)
    BUNDLE=$WORK/data/bundles/client
    "$STRONGROOM_BIN" quickstart --skip-proof --data "$WORK/data" --kmip "$KMIP" \
        --admin "$ADMIN" "$@" >"$WORK/log" 2>&1 </dev/null &
    STRONGROOM_PID=$!
    local tries
    for tries in $(seq 300); do
        if [ -f "$BUNDLE/key.pem" ] &&
            (exec 3<>"/dev/tcp/${KMIP%:*}/${KMIP#*:}") 2>/dev/null; then
            return 0
        fi
        if ! kill -0 "$STRONGROOM_PID" 2>/dev/null; then
            break
        fi
        sleep 0.1
    done
    echo "strongroom does not serve after $tries tries; its last words:"
    tail -n 20 "$WORK/log"
    return 1
}

# Asks the server to end; fails when it does not end cleanly.
stop_strongroom() {
    [ -n "${STRONGROOM_PID:-}" ] || return 0
    local pid=$STRONGROOM_PID tries
    STRONGROOM_PID=
    kill -INT "$pid" 2>/dev/null || { wait "$pid"; return; }
    for tries in $(seq 200); do
        kill -0 "$pid" 2>/dev/null || { wait "$pid"; return; }
        sleep 0.1
    done
    echo "strongroom did not stop in 20 s"
    kill -KILL "$pid" 2>/dev/null
    return 1
}

# tally COMMAND...: runs it, shows what it prints, adds its closing line to PASSED, FAILED and
# SKIPPED.
PASSED=0 FAILED=0 SKIPPED=0
tally() {
    local out code line p=0 f=0 s=0
    out=$(mktemp)
    "$@" 2>&1 | tee "$out" | grep -vE "$CLOSING_LINE"
    code=${PIPESTATUS[0]}
    line=$(grep -E "$CLOSING_LINE" "$out" | tail -n 1)
    rm -f "$out"
    if [ -n "$line" ]; then
        read -r p _ f _ s _ <<<"$line"
    fi
    [ "$code" -eq 0 ] || [ "$f" -gt 0 ] || f=1
    PASSED=$((PASSED + p)) FAILED=$((FAILED + f)) SKIPPED=$((SKIPPED + s))
}

# rust_tests WHAT ARGUMENT...: tests of one crate, with a closing line of ours. What was measured
# (lines that begin with a word of SHOWN) is shown; a test that had to skip itself is counted as
# skipped, not as passed.
rust_tests() {
    local what=$1 out code
    shift
    out=$(mktemp)
    echo "-- $what"
    cargo test --quiet "$@" -- --nocapture >"$out" 2>&1
    code=$?
    grep -E "${SHOWN:+^($SHOWN)|}panicked at|FAILED|^error|^SKIPPED:" "$out"
    awk -v code="$code" '
        /^test result:/ { p += $4; f += $6 }
        /^SKIPPED:/ { s++ }
        END {
            if (code != 0 && f == 0) f = 1
            if (p + f == 0) f = 1
            p -= s
            if (p < 0) p = 0
            printf "%d passed, %d failed, %d skipped\n", p, f, s
        }' "$out"
    rm -f "$out"
}

# Ends a suite with what tally has counted.
close_suite() {
    echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
    [ "$FAILED" -eq 0 ]
    exit
}

# skip_suite REASON
skip_suite() {
    echo "skipped: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}

# fail_suite REASON
fail_suite() {
    echo "failed: $1"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
}
