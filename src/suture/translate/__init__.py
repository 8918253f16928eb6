"""Translate: the only room that speaks both languages, the wire's and the house's. Pure.

One module per message type, `hl7v2_siu.py` (appointments), `hl7v2_adt.py` (encounters, accounts, merges), `hl7v2_dft.py`
(charges, payments, adjustments), `x12_835.py` (remittances); each is one function from a parsed message to its verdict and
facts (`model/translation.py`). Reading bytes is `wire/`'s, deciding what a fact does to the books is `processes/`'.
"""
