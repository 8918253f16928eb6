"""Keys and sealed bytes: what keeps a patient's data from whoever holds the database alone.

`keys.py` holds the key-encryption keys and the index key, outside the database; `phi.py` seals raw
messages, files and the vault's identifiers with them. Surrogates are made by `model/identity.py`,
which is pure and gets its key as an argument. `identity.py`, `access.py` and `audit.py` will stand
beside them.
"""
