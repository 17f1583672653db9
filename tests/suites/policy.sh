# Who may do what: every user, group, role, operation and state against tables that people can
# read; rules, whose order does not matter; what a decision costs; and the commands against a
# running server.
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
    grep -E '^[0-9]+ rows|^first decision|panicked at|FAILED|^error' "$out"
    awk -v code="$code" '
        /^test result:/ { p += $4; f += $6 }
        END {
            if (code != 0 && f == 0) f = 1
            if (p + f == 0) f = 1
            printf "%d passed, %d failed, 0 skipped\n", p, f
        }' "$out"
    rm -f "$out"
}

tally rust_tests "decisions: the table, rules, what is remembered" -p strongroom-policy
tally rust_tests "what a decision costs, optimised" --release -p strongroom-policy --test it speed::
tally rust_tests "user, group, role, operation and state over KMIP" \
    -p strongroom-engine --lib it::access
tally rust_tests "commands against a running server" -p strongroom-server --test it access::
close_suite
