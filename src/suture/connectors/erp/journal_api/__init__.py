"""The connector to an ERP that speaks the journal API; the model to copy for the next vendor."""
