"""The canonical nouns of the house: money, faults, identity, events and facts.

Pure; no wire words.
"""
