# Who may do what: every user, group, role, operation and state against tables that people can
# read; rules, whose order does not matter; what a decision costs; and the commands against a
# running server.
. tests/lib.sh
build_tools || fail_suite "the build tools cannot be installed"

SHOWN='[0-9]+ rows|first decision'
tally rust_tests "decisions: the table, rules, what is remembered" -p strongroom-policy
tally rust_tests "what a decision costs, optimised" --release -p strongroom-policy --test it speed::
tally rust_tests "user, group, role, operation and state over KMIP" \
    -p strongroom-engine --lib it::access
tally rust_tests "approvals: who may, once, in any order, after a crash" \
    -p strongroom-engine --lib it::approvals
tally rust_tests "commands against a running server" -p strongroom-server --test it access::
tally rust_tests "approvals against a running server" -p strongroom-server --test it approvals::
close_suite
