"""A walk of tablets, supervisors and faults against a pure model of what must come of it.

`model.py`, `rulings.py` and `views.py` are the model: they import nothing of Suicha. `world.py`,
`tablets.py`, `lines.py` and `databases.py` are the real side. `machine.py` walks; `python -m
tests.sync.model --steps 10000 --seed 7` walks long and ends with 1 and the shortest failing walk.
"""
