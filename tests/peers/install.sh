#!/usr/bin/env bash
# Brings the real servers that connectors are tested against into .peers: Apache Kafka and HAPI FHIR through Maven,
# OpenSSH from the system's packages where we may install them. What cannot be brought is said; its tests then skip.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly PEERS=.peers
missing=0

# Installs system packages where this is Debian and we are root; else says what is missing.
packages() {
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null && return 0
    fi
    echo "Not installed, and not ours to install here: $*" >&2
    missing=1
    return 1
}

# Copies what a pom.xml names into .peers/<name>, once for each content of the pom.
jars() {
    local name="$1" stamp
    stamp="$PEERS/$name/$(cksum <"tests/peers/$name/pom.xml" | cut -d ' ' -f 1).done"
    [ -e "$stamp" ] && return 0
    rm -rf "${PEERS:?}/$name"
    mkdir -p "$PEERS/$name"
    mvn --quiet --batch-mode --file "tests/peers/$name/pom.xml" \
        dependency:copy-dependencies "-DoutputDirectory=$PWD/$PEERS/$name"
    touch "$stamp"
}

if [ ! -x /usr/sbin/sshd ] && ! command -v sshd >/dev/null 2>&1; then
    packages openssh-server || true
fi
if { command -v mvn && command -v javac; } >/dev/null 2>&1 || packages maven default-jdk-headless; then
    jars kafka
    jars fhir
    if [ "tests/peers/fhir/FhirServer.java" -nt "$PEERS/fhir/FhirServer.class" ]; then
        javac -cp "$PEERS/fhir/*" -d "$PEERS/fhir" tests/peers/fhir/FhirServer.java
    fi
fi
exit "$missing"
