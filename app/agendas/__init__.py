"""Agendas 日程: what an officer or a team will do, as an iCalendar feed behind a secret address."""
