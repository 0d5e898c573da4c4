"""Discrimination reports: the guided intake, sealed storage, the desk's work on them, figures that expose nobody.

Rasa has no part in it: it only recognises that somebody wants to tell something. No text of a report enters a log, a
conversation or a table in clear.
"""
