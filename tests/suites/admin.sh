# Administration: the API is what its description says, whoever asks whatever; the command line
# does what the documents show.
. tests/lib.sh
release_build || fail_suite "the release build"
STRONGROOM_VENV=target/admin-venv python_venv tests/admin/requirements.txt ||
    fail_suite "the Python packages"
st=${PYTHON%/python}/st

# ADMIN_EXAMPLES raises what each operation is asked, ADMIN_SEED chooses what.
for role in auditor officer sysadmin client; do
    echo "-- the API as its description has it, and otherwise, asked by: $role"
    tally bash tests/admin/fuzz.sh "$st" "$role" "${ADMIN_EXAMPLES:-10}" "${ADMIN_SEED:-1}"
done
tally rust_tests "every command, run for real, and the documents" \
    -p strongroom-server --test it examples::
tally rust_tests "every request and every command that changes something, only tried" \
    -p strongroom-server --test it dry_
close_suite
