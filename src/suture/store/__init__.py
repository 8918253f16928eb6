"""The only room that speaks SQL: what is kept, and how it is read again.

`database.py` holds the connections; `queries.py` reads the named statements of `sql/`, and
`migrate.py` the numbered files that make the tables. What is kept has a file of its own each: the
event log, states, the outbox, work items, lineage, releases. `embedded.py` runs a PostgreSQL of our
own where DATABASE_URL names none.
"""
