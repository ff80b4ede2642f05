"""How often a unit may be entered: the ledger of entries, the caps, and their exceptions."""
