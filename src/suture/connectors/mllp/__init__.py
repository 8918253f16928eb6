"""MLLP: HL7 v2 over TCP, in (`listener.py`) and out (`sender.py`).

Framing is `wire/mllp.py`; meaning is nobody's here.
"""
