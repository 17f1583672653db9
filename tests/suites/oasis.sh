# The OASIS test cases, every field of every reply.
. tests/lib.sh
[ -d "$SHARED/oasis-xml" ] || skip_suite "$SHARED/oasis-xml is absent"
release_build || fail_suite "the release build"
start_strongroom --interop || fail_suite "the server"

# The cases with two or three clients expect them to share their keys, so they share one identity.
file() { echo "$BUNDLE/$1.pem"; }
report=()
[ -z "${OASIS_REPORT:-}" ] || report=(--report "$OASIS_REPORT")
tally "$OASIS_BIN_DIR/strongroom-oasis" --cases "$SHARED/oasis-xml" --server "$KMIP" \
    --ca "$(file ca)" --cert "$(file cert)" --key "$(file key)" \
    --clients "B=$(file cert),$(file key)" "C=$(file cert),$(file key)" \
    --require v1.4/profile-mandatory v2.1/profile-mandatory "${report[@]}"
stop_strongroom || { echo "FAILED the server did not stop cleanly"; FAILED=$((FAILED + 1)); }
close_suite
