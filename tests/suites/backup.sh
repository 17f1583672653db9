# Backups: taken under load, proved, tried, restored elsewhere with other slots, quarantined and
# confirmed; neither half opens alone; what was destroyed stays destroyed; every class of byte that
# is changed is found; the old format is backed up and restored.
. tests/lib.sh
build_tools || fail_suite "the build tools cannot be installed"

# rust_tests WHAT ARGUMENT...: tests of one crate, with a closing line of ours.
rust_tests() {
    local what=$1 out code
    shift
    out=$(mktemp)
    echo "-- $what"
    cargo test --quiet "$@" -- --nocapture >"$out" 2>&1
    code=$?
    grep -E 'panicked at|FAILED|^error' "$out"
    awk -v code="$code" '
        /^test result:/ { p += $4; f += $6 }
        END {
            if (code != 0 && f == 0) f = 1
            if (p + f == 0) f = 1
            printf "%d passed, %d failed, 0 skipped\n", p, f
        }' "$out"
    rm -f "$out"
}

tally rust_tests "load, bytes, quarantine, old format" -p strongroom-engine --lib it::backup
tally rust_tests "the binary against running servers" -p strongroom-server --test it backup::
close_suite
