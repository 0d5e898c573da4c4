"""Machine translation on this machine: drafts for people to check, and reading help for officers.

Only this package knows argostranslate, and only its child process (child.py) loads it. Nothing leaves the machine, and
nothing that is translated is written to a disk or a log.
"""
