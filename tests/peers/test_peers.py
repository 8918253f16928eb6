"""The real peers start, listen and end."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.request import urlopen

from tests.peers.peer import fhir_server, kafka, openssh


def test_openssh_greets_as_itself(tmp_path: Path) -> None:
    with (
        openssh(tmp_path) as server,
        socket.create_connection(("127.0.0.1", server.port), 5) as connection,
    ):
        assert connection.recv(64).startswith(b"SSH-2.0-OpenSSH")


def test_kafka_listens(tmp_path: Path) -> None:
    with kafka(tmp_path) as address:
        host, _, port = address.partition(":")
        socket.create_connection((host, int(port)), 5).close()


def test_hapi_fhir_says_what_it_can(tmp_path: Path) -> None:
    with (
        fhir_server(tmp_path) as base,
        urlopen(f"{base}/metadata", timeout=60) as answer,  # noqa: S310 - loopback
    ):
        assert "HAPI FHIR" in answer.read().decode()
