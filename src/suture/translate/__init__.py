"""Translate: the only room that speaks both languages, the wire's and the house's. Pure.

One module to a message type: `hl7v2_siu.py` (appointments), `hl7v2_adt.py` (encounters, accounts,
merges), `hl7v2_dft.py` (charges, payments, adjustments), `x12_835.py` (remittances). Each turns
what `wire/` parsed into a verdict and facts (`model/translation.py`). Not here: reading bytes
(`wire/`), what a fact does to the books (`processes/`, next). `pipeline.py` says which type goes
to which module.
"""
