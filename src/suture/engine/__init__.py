"""The engine: the loops that move messages, events and deliveries.

It is the only room that reads the clock. `intake.py` messages in, acknowledged after commit;
`body_intake.py` bodies of any format; `file_intake.py` files, `pull_intake.py` what is asked for,
both taken by `transmissions.py`; `runner.py` events to entries; `batching.py` entries to journals;
`delivery.py` journals out; `supervisor.py` keeps the workers alive. What they do is decided in
`pipeline.py`; what they keep is in `store/`.
"""
