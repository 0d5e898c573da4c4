"""Code that Rasa loads: the understanding, where conversations are kept, and the launcher.

Python 3.10, installed from bot/requirements.lock. It imports Rasa and nothing of the hub.
"""
