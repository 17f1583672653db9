# The audit: edits, removals and cuts of both chains are found; real rsyslog receives over TCP and
# TLS what an export gives; a receiver that hangs slows nothing; formats are those of the vendors.
. tests/lib.sh
. tests/audit/install.sh
build_tools || fail_suite "the build tools cannot be installed"
audit_packages || fail_suite "rsyslog cannot be installed"

# rust_tests WHAT ARGUMENT...: tests of one crate, with a closing line of ours. What is measured is
# shown; a test that had to skip itself is counted as skipped, not as passed.
rust_tests() {
    local what=$1 out code
    shift
    out=$(mktemp)
    echo "-- $what"
    cargo test --quiet "$@" -- --nocapture >"$out" 2>&1
    code=$?
    grep -E '^(p99|allowed|hung:)|panicked at|FAILED|^error' "$out"
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

tally rust_tests "chains: every class of byte, truncation, anchors" -p strongroom-journal
tally rust_tests "sources, exports, files alone" -p strongroom-engine --lib it::forward
tally rust_tests "signed heads" -p strongroom-engine --lib it::heads
tally rust_tests "formats; hung, resetting and wrong receivers; rsyslog" -p strongroom-siem
tally rust_tests "a running server: rsyslog, a hung receiver, exports, anchors" \
    -p strongroom-server --test it audit::
close_suite
