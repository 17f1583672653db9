#!/bin/bash
# Installs what the tests of forwarding receive with: rsyslog and both of its TLS drivers. The tests
# start it themselves, with a configuration and ports of their own; the machine's own service, where
# there is an init system that would start it, is not used.
#
#     tests/audit/install.sh
#
# `. tests/audit/install.sh` defines audit_packages for a suite instead.
# shellcheck shell=bash source-path=SCRIPTDIR/../..
audit_packages() {
    packages rsyslog rsyslog-gnutls rsyslog-openssl openssl
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    cd "$(dirname "$0")/../.." || exit 1
    . tests/lib.sh
    audit_packages
fi
