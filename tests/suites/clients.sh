# Foreign clients, unmodified: PyKMIP with the integration suite of its source package, and
# libmongocrypt; and the lines that quickstart prints for them.
. tests/lib.sh
[ -n "${KMIP_SERVER:-}" ] || release_build || fail_suite "the release build"
python_venv tests/clients/requirements.txt || fail_suite "the Python packages"
# PyKMIP's suite derives a key with Blowfish and gives two keys one name; both are off by default.
STRONGROOM_CRYPTO__LEGACY_ALGORITHMS=true STRONGROOM_KMIP__DUPLICATE_NAMES=true \
    start_strongroom --interop || fail_suite "the server"
dir=tests/clients

# First, because it expects a server without keys.
echo "-- PyKMIP: its own integration suite"
tally bash $dir/pykmip_suite.sh "$PYTHON" "$KMIP" "$BUNDLE" "$WORK"
echo "-- PyKMIP: the stories of its users, every version"
tally "$PYTHON" $dir/pykmip_stories.py "$KMIP" "$BUNDLE"
echo "-- libmongocrypt"
tally "$PYTHON" $dir/mongocrypt.py "$KMIP" "$BUNDLE"
# Against a server of its own, whose output they are taken from.
if [ -z "${KMIP_SERVER:-}" ]; then
    echo "-- the lines that quickstart prints, as they are printed"
    tally "$PYTHON" $dir/recipes.py "$STRONGROOM_BIN" "$WORK/recipes"
fi
stop_strongroom || { echo "FAILED the server did not stop cleanly"; FAILED=$((FAILED + 1)); }
close_suite
