# Formatting, lints with warnings as errors, and every Rust test.
. tests/lib.sh
build_tools || fail_suite "the build tools cannot be installed"
# The store's SQL is tried on it; its own cluster, if Debian makes one, is not used.
packages postgresql-15 || fail_suite "PostgreSQL 15 cannot be installed"
export STRONGROOM_POSTGRES=required
# What custodians open their shares with; without it our own reader stands in.
packages age || echo "age cannot be installed: shares are opened with our own reader alone"

check() {
    local what=$1
    shift
    if "$@"; then
        echo "ok     $what"
        PASSED=$((PASSED + 1))
    else
        echo "FAILED $what"
        FAILED=$((FAILED + 1))
    fi
}
check "cargo fmt" cargo fmt --all --check
check "cargo clippy" cargo clippy --quiet --workspace --all-targets -- -D warnings

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# All crates are tested even when one fails.
cargo test --workspace --no-fail-fast 2>&1 | tee "$log" |
    grep -E '^(test .* FAILED|test result: FAILED|---- |error|warning: unused|thread .* panicked)'
code=${PIPESTATUS[0]}
read -r p f s <<<"$(awk '/^test result:/ { p += $4; f += $6; s += $8 } END { print p+0, f+0, s+0 }' "$log")"
if [ "$code" -ne 0 ] && [ "$f" -eq 0 ]; then
    tail -n 40 "$log"
    f=1
fi
PASSED=$((PASSED + p)) FAILED=$((FAILED + f)) SKIPPED=$((SKIPPED + s))
close_suite
