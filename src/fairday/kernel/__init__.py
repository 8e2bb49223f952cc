"""Pure ground: errors, time, money, ids, settings, deciders, the calendar, the audience language."""
