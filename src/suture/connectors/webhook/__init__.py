"""Webhooks out: messages posted to a receiver, signed as Standard Webhooks says."""
