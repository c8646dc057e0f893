"""Alerts: rules on measures, when they fire and resolve, what is then said to whom; no database, no network."""
