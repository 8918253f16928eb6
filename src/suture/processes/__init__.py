"""Business processes: one module per noun, each `State`, `initial`, `evolve`, `decide` and no more.

    initial(key) -> State              nothing is known yet
    evolve(state, event) -> State      fold one fact in; the SAME object when it told nothing new
    decide(state, event) -> Decisions  for each booking key the event touches: what should stand now

Pure. `evolve` must be commutative and idempotent: the state after any order and any duplication of
the same events is the same (later facts win by `event.stamp`, never by arrival). `decide` reads
only the evolved state. Together that is convergence, and tests/properties/test_convergence.py holds
every process to it. A process sees its own stream only.
"""
