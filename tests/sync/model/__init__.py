"""A walk of tablets, supervisors and faults against a pure model of what must come of it.

The model imports nothing of Suicha: `state`, `model` (what the server must take and say),
`effects` (operations), `rulings` (supervisors), `views` (what tablets must see). The real side is
`world`, `tablets`, `lines` (faults, dying servers) and `databases`. `acts`, `desk` and `machine`
are the walk. `python -m tests.sync.model --steps 10000 --seed 7` walks long and ends with 1 and
the shortest failing walk.
"""
