# The audit: edits, removals and cuts of both chains are found; real rsyslog receives over TCP and
# TLS what an export gives; a receiver that hangs slows nothing; a full disk
# ends answers and nothing else; formats are those of the vendors.
. tests/lib.sh
. tests/audit/install.sh
build_tools || fail_suite "the build tools cannot be installed"
audit_packages || fail_suite "rsyslog cannot be installed"

SHOWN='p99|allowed|hung:'
tally rust_tests "chains: every class of byte, truncation, anchors" -p strongroom-journal
tally rust_tests "changes: every column of the journal, rows, cuts" -p strongroom-store --test it tamper::
tally rust_tests "changes: what ends with a segment" -p strongroom-store --test it segments::
tally rust_tests "every field of records, on both ports" -p strongroom-server --test it records::
tally rust_tests "a full disk, each call that may meet it" -p strongroom-engine --lib disk::
tally rust_tests "a full disk: tmpfs and ext4, the binary itself" \
    -p strongroom-server --test it disk::
tally rust_tests "retention: each step cut off, backups, missing files" \
    -p strongroom-engine --lib retention
tally rust_tests "retention: the binary, killed while it deletes" \
    -p strongroom-server --test it retention::
tally rust_tests "what ends soon" -p strongroom-engine --lib ahead::
tally rust_tests "sources, exports, files alone" -p strongroom-engine --lib it::forward
tally rust_tests "signed heads" -p strongroom-engine --lib it::heads
tally rust_tests "formats; hung, resetting and wrong receivers; rsyslog" -p strongroom-siem
tally rust_tests "a running server: rsyslog, a hung receiver, exports, anchors" \
    -p strongroom-server --test it audit::
close_suite
