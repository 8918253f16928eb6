"""Security: keys outside the database (`keys.py`), sealed envelopes for everything that identifies a person (`phi.py`)."""
