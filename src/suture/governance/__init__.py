"""Governance: the versions of an estate. Pure: an estate is a mapping of relative path to bytes.

`release.py` addresses and packs that content; `estate.py` reads and checks it, with `reading.py`
(TOML and CSV with places), `connections.py` (sources, destinations), `connector.py` (what it must
know of a connector) and `tables.py` (ledger, crosswalks). `channels.py` says what translation must
know about a source. Folders are read by `config.py`; releases are stored by `store/releases.py`.
"""
