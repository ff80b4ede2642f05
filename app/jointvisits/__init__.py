"""Joint visits 一支队伍进机构: every open task of one unit becomes one entry by one team."""
